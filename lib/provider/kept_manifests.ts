import { basename, dirname, join } from "node:path";
import { type ChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import { setAside } from "../core/state_file.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { mapParallel } from "../core/map_parallel.ts";
import { messageOf } from "../core/printable.ts";
import { openEnvelope } from "../manifest/envelope.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import { imagePlace } from "../scan/image_place.ts";
import type { ServeConfig } from "./machine.ts";

/** The last manifest of each image, across restarts: so versions rise. */
export class KeptManifests {
  readonly #directory: string;
  readonly #fileSystem: FileSystem;
  readonly #logger: Logger;
  /** By path: manifests that could not be written yet. */
  readonly #unwritten = new Map<string, Uint8Array<ArrayBuffer>>();
  #hasWarned = false;

  /**
   * Reads and writes nothing yet.
   *
   * @param stateDir below which they lie
   */
  constructor(
    { stateDir, fileSystem, logger }: {
      readonly stateDir: string;
      readonly fileSystem: FileSystem;
      readonly logger: Logger;
    },
  ) {
    this.#directory = manifestsDirectory(stateDir);
    this.#fileSystem = fileSystem;
    this.#logger = logger;
  }

  /** The envelope that was served last, if any; an empty file is none. */
  async find(
    image: ChannelArch,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#path(image);
    const bytes = this.#unwritten.get(path) ??
      await readEnvelopeFile(path, this.#fileSystem, { signal });
    return bytes?.length === 0 ? undefined : bytes;
  }

  /**
   * Keeps an envelope in place of the last one, which is set aside if it could
   * not be read.
   *
   * @param canWait whether it may be served before it is written
   * @throws what the disk says, when it cannot be written and must be
   */
  async keep(
    image: ChannelArch,
    bytes: Uint8Array<ArrayBuffer>,
    { previous, canWait }: {
      readonly previous: Uint8Array<ArrayBuffer> | undefined;
      readonly canWait: boolean;
    },
  ): Promise<void> {
    const path = this.#path(image);
    try {
      if (previous !== undefined && !openEnvelope(previous).ok) {
        const aside = await setAside(path, this.#fileSystem);
        this.#logger.warn(
          `Moved "${path}" to "${aside}", since it is damaged: a new manifest is made, with a version from the clock`,
        );
      }
      await this.#write(path, bytes);
    } catch (error) {
      if (!canWait) throw error;
      this.#unwritten.set(path, bytes);
      if (!this.#hasWarned) {
        this.#logger.warn(
          `${
            messageOf(error)
          }: the image is served all the same; a manifest that is not kept gets a higher version after a restart, though nothing has changed`,
        );
      }
      this.#hasWarned = true;
    }
  }

  /** Writes what could not be written before, as far as that is possible now. */
  async writeRest(): Promise<void> {
    for (const [path, bytes] of this.#unwritten) {
      try {
        await this.#write(path, bytes);
      } catch {
        return; // said when it began
      }
    }
    this.#hasWarned = false;
  }

  async #write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#fileSystem.makeDirectory(dirname(path), 0o755);
    await this.#fileSystem.writeAtomically(path, bytes, { mode: 0o644 });
    this.#unwritten.delete(path);
  }

  #path({ channel, arch }: ChannelArch): string {
    return join(this.#directory, channel, `${arch}.json`);
  }
}

/**
 * The images that were signed for before and are likely to be there still: of
 * the disk, names alone are looked at, and of thousands of channels no more
 * than whether they have a directory.
 */
export async function imagesServedBefore(
  config: ServeConfig,
  fileSystem: FileSystem,
): Promise<ChannelArch[]> {
  const { artifactsDir, stateDir, channelSettings } = config;
  const names = async (path: string) =>
    (await fileSystem.list(path).catch(() => [])).map(({ name }) => name);
  const directory = manifestsDirectory(stateDir);
  const there = new Set(await names(artifactsDir));
  const channels = (await names(directory)).filter((channel) =>
    there.has(channel) || channelSettings.has(channel)
  );
  const images = await mapParallel(
    channels,
    async (channel) =>
      (await names(join(directory, channel)))
        .filter((name) => name.endsWith(".json"))
        .map((name) => parseChannelArch(channel, basename(name, ".json")))
        .filter((image) => image.ok).map(({ value }) => value)
        .filter((image) => imagePlace(config, image) !== undefined),
  );
  return images.flat();
}

function manifestsDirectory(stateDir: string): string {
  return join(stateDir, "manifests");
}
