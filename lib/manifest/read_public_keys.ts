import { UsageError } from "../core/errors.ts";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { parsePublicKeys, type PublicKey } from "./public_key.ts";

/**
 * Reads the public keys that a user named: each as hex, key id or base64, or as
 * a file that holds one key in these forms or any number in PEM, or as a
 * directory of such files.
 *
 * @throws UsageError for whatever yields no key: fewer keys than were meant
 * must never pass for all of them
 */
export async function readPublicKeys(
  sources: readonly string[],
  fileSystem: FileSystem,
  { signal }: { readonly signal: AbortSignal },
): Promise<PublicKey[]> {
  const keys: PublicKey[] = [];
  for (const source of sources) {
    signal.throwIfAborted();
    const written = parsePublicKeys(source);
    keys.push(
      ...written.ok
        ? written.value
        : await readKeyPath(source, written.reason, fileSystem, signal),
    );
  }
  return keys;
}

async function readKeyPath(
  path: string,
  noKey: string,
  fileSystem: FileSystem,
  signal: AbortSignal,
): Promise<PublicKey[]> {
  try {
    const { kind } = await fileSystem.stat(path);
    if (kind !== "directory") return await readKeyFile(path, fileSystem);
    const names = (await fileSystem.list(path))
      .filter((entry) => entry.kind !== "directory")
      .map(({ name }) => name)
      .filter((name) => !name.startsWith("."))
      .sort();
    if (names.length === 0) throw unusable(path, "the directory is empty");
    // Loaded late: 1.5 ms that a discovery with keys in hex need not spend.
    const { join } = await import("node:path");
    const keys: PublicKey[] = [];
    for (const name of names) {
      signal.throwIfAborted();
      keys.push(...await readKeyFile(join(path, name), fileSystem));
    }
    return keys;
  } catch (error) {
    if (error instanceof UsageError || signal.aborted) throw error;
    throw unusable(
      path,
      error instanceof FileNotFoundError
        ? `there is no such file, and it is ${noKey}`
        : messageOf(error),
      error,
    );
  }
}

async function readKeyFile(
  path: string,
  fileSystem: FileSystem,
): Promise<PublicKey[]> {
  // A FIFO would be waited for, and a device may have no end.
  const { kind } = await fileSystem.stat(path);
  if (kind !== "file") throw unusable(path, "not a regular file");
  const keys = parsePublicKeys(await fileSystem.readText(path));
  if (!keys.ok) throw unusable(path, keys.reason);
  return keys.value;
}

function unusable(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError(
    `Cannot use public key "${path}": ${reason}`,
    { cause },
  );
}
