import { type ChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import { propertyOf } from "../core/property_of.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { readStateFile, type StateFile } from "../core/state_file.ts";

/** An image that was published in the DHT. */
export interface ToldImage {
  readonly image: ChannelArch;
  /** The manifest's `version`. */
  readonly version: string;
  /** The manifest's URL, as they were told it. */
  readonly url: string;
  /** When that began: milliseconds since 1970. */
  readonly toldMs: number;
  /** How many keep the record. */
  readonly storedAt: number;
  /** How many keep it, or were told of the provider. */
  readonly toldAt: number;
}

/** Counted up when a program before could not read it any more. */
const FORMAT = 1;

/**
 * What other nodes were told, as JSON.
 *
 * @param node where they were told this one is: its addresses with peer id
 */
export function encodeToldImages(
  node: readonly string[],
  images: readonly ToldImage[],
): string {
  return JSON.stringify({
    format: FORMAT,
    node,
    images: images.map(({ image, ...told }) => ({ ...image, ...told })),
  });
}

/**
 * Reads what `encodeToldImages` wrote. Malformed parts are left out: those
 * images are announced again.
 *
 * @param node where this one is now: elsewhere, nothing counts
 */
export function decodeToldImages(
  text: string,
  node: readonly string[],
): Result<ToldImage[]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse("it is damaged");
  }
  const images = propertyOf(json, "images");
  if (!Array.isArray(images)) return refuse("it is damaged");
  const wasAt = JSON.stringify(propertyOf(json, "node"));
  return ok(wasAt === JSON.stringify(node) ? images.flatMap(toldImage) : []);
}

function toldImage(json: unknown): ToldImage[] {
  const text = (name: string) => {
    const value = propertyOf(json, name);
    return typeof value === "string" ? value : "";
  };
  const number = (name: string) => {
    const value = propertyOf(json, name);
    return typeof value === "number" ? value : NaN;
  };
  const image = parseChannelArch(text("channel"), text("arch"));
  const told = {
    version: text("version"),
    url: text("url"),
    ...{ toldMs: number("toldMs"), storedAt: number("storedAt") },
    toldAt: number("toldAt"),
  };
  const isWhole = Object.values(told).every((value) =>
    typeof value === "number" ? Number.isSafeInteger(value) : value !== ""
  );
  return image.ok && isWhole ? [{ image: image.value, ...told }] : [];
}

/**
 * What other nodes were told in the last run.
 *
 * @throws UserError when a newer program has kept it
 */
export async function loadToldImages(
  file: StateFile,
  node: readonly string[],
): Promise<readonly ToldImage[]> {
  const images = await readStateFile(file, {
    format: FORMAT,
    loss: "all images are published in the DHT at once",
    decode: (text) => decodeToldImages(text, node),
  });
  return images ?? [];
}
