/** More are not needed to stop one thread, and each costs a descriptor. */
const MAX_PIPES = 64;

/**
 * Opens the FIFOs below some directories for reading and writing, which never
 * blocks, and unblocks every open() that waits for their other end. Follows
 * links, as a watcher does; skips what cannot be read.
 *
 * @returns closes them
 */
export async function openPipesBelow(
  directories: Iterable<string>,
): Promise<Disposable> {
  const files: Disposable[] = [];
  const close = () => {
    for (const file of files) file[Symbol.dispose]();
  };
  const seen = new Set<string>();
  const waiting = [...directories];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    try {
      const info = await Deno.stat(path);
      const identity = `${info.dev}:${info.ino}`;
      if (seen.has(identity)) continue;
      seen.add(identity);
      if (info.isFifo) {
        files.push(await Deno.open(path, { read: true, write: true }));
      } else if (info.isDirectory) {
        for await (const { name, isFile } of Deno.readDir(path)) {
          if (!isFile) waiting.push(`${path}/${name}`);
        }
      }
    } catch {
      // Gone by now, or not ours to open.
    }
    if (files.length === MAX_PIPES) break;
  }
  return { [Symbol.dispose]: close };
}
