import type { MirrorDisk } from "../mirror/mirror_disk.ts";
import { disk, translate } from "./disk.ts";
import { fetchDisk } from "./fetch_disk.ts";

/** The machine's own disk, for releases beside each other. */
export const mirrorDisk: MirrorDisk = {
  ...fetchDisk,
  realPath: (path) => disk.realPath(path),
  symlink: (target, path) =>
    translate(
      `link "${path}" to "${target}"`,
      () => Deno.symlink(target, path),
    ),
  copyFile: (from, to) =>
    translate(`copy "${from}" to "${to}"`, () => Deno.copyFile(from, to)),
};
