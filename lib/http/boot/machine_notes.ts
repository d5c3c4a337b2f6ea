import { formatChannelArch } from "../../core/channel_arch.ts";
import type { BootChoice, MachineId } from "../../machines/machine_rows.ts";
import type { Machines } from "../../machines/machines.ts";
import type { Exchange } from "../../net/http1/handler.ts";
import type { RequestHead } from "../../net/http1/request_head.ts";
import type { ImageCatalog, ServedImage } from "../artifacts/image_catalog.ts";
import { findArtifact, findBlob } from "../artifacts/image_lookup.ts";
import { bootFiles } from "./boot_files.ts";

/** A request for a script. */
export interface ScriptRequest {
  /** The machine, as far as it is known. */
  readonly id: MachineId;
  /** What it asks. */
  readonly head: RequestHead;
  /** The request it came with. */
  readonly exchange: Exchange;
}

/** Takes note of a machine that gets the script in front of all images. */
export function noteMenu(
  machines: Machines,
  { choice, ...request }: ScriptRequest & { readonly choice: BootChoice },
): void {
  const what = choice.kind === "network"
    ? `script that boots ${choice.channel}`
    : choice.kind === "local"
    ? "script that starts its own disk"
    : "menu";
  note(machines, request, { what });
}

/** Takes note of a machine that gets the script of an image. */
export function noteScript(
  machines: Machines,
  { served, catalog, ...request }: ScriptRequest & {
    readonly served: ServedImage;
    readonly catalog: ImageCatalog;
  },
): void {
  const image = formatChannelArch(served.image);
  note(machines, request, {
    what: `script of ${image}`,
    image,
    files: () => filesOf(served, catalog),
  });
}

function note(
  { steps }: Machines,
  { id: { serial: _, ...id }, head, exchange: { client } }: ScriptRequest,
  { files = () => [], ...what }: {
    readonly what: string;
    readonly image?: string;
    readonly files?: () => readonly (readonly string[])[];
  },
): void {
  // Anybody may read a script; a machine is what says so, or was seen before.
  if (head.method !== "GET") return;
  if (id.mac === undefined && !steps.knows(client)) return;
  steps.note({ ...id, client, step: "script", ...what, files: files() });
}

/**
 * The files that a loader may request by path or by hash; a hash may belong to
 * another image.
 */
function filesOf(
  served: ServedImage,
  catalog: ImageCatalog,
): readonly (readonly string[])[] {
  const files = bootFiles(served);
  if (!files.ok) return [];
  // A device tree is not for every loader.
  const { kernel, initrds } = files.value;
  return [kernel, ...initrds].map(({ path, sha256 }) =>
    [findArtifact(served, path), findBlob(catalog, sha256)]
      .flatMap((found) => found.ok ? [found.value.name] : [])
  );
}

/** Whether a path is that of the script that iPXE looks for beside itself. */
export function isAutoexec(path: string): boolean {
  return /(^|\/)autoexec\.ipxe$/.test(path);
}
