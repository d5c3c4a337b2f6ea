import type { FetchDisk } from "./fetch_disk.ts";

/**
 * Archives without compression are found at these only, others anywhere
 * (Documentation/driver-api/early-userspace/buffer-format.rst and
 * init/initramfs.c of Linux, which skips zeros between them).
 */
export const INITRD_ALIGNMENT_BYTES = 4;
const BUFFER_BYTES = 512 * 1024;

/**
 * Makes one file of several initrds, as boot loaders do in memory: each begins
 * at a multiple of four bytes. Of a single one it is a second name.
 *
 * @param paths of the files, in the order to load them in
 * @param to must not be there yet
 * @throws FileNotFoundError, FileAccessError, or the system's error (disk full)
 */
export async function joinFiles(
  paths: readonly string[],
  to: string,
  disk: Pick<FetchDisk, "link" | "open" | "openForWriting">,
): Promise<void> {
  const [only, ...others] = paths;
  if (only !== undefined && others.length === 0) {
    return await disk.link(only, to);
  }
  using joined = await disk.openForWriting(to);
  const buffer = new Uint8Array(BUFFER_BYTES);
  let end = 0;
  for (const path of paths) {
    using file = await disk.open(path, { isRegular: true });
    // What is not written in between reads as zeros.
    const start = Math.ceil(end / INITRD_ALIGNMENT_BYTES) *
      INITRD_ALIGNMENT_BYTES;
    end = start;
    for (;;) {
      const count = await file.readAt(buffer, end - start);
      if (count === 0) break;
      await joined.writeAt(buffer.subarray(0, count), end);
      end += count;
    }
  }
  await joined.sync();
}
