import { fillFrom } from "../core/fill_from.ts";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import { MAX_ENVELOPE_BYTES } from "./envelope.ts";

/**
 * Reads an envelope from a file.
 *
 * @returns undefined when there is no such file; at most one byte more than an
 * envelope may have
 * @throws FileAccessError
 */
export async function readEnvelopeFile(
  path: string,
  fileSystem: Pick<FileSystem, "stat" | "open">,
  { signal }: { readonly signal: AbortSignal },
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    signal.throwIfAborted();
    // A FIFO would be waited for; what is no file is no manifest either.
    const { kind, sizeBytes } = await fileSystem.stat(path);
    if (kind !== "file") return undefined;
    using file = await fileSystem.open(path, { isRegular: true });
    const buffer = new Uint8Array(Math.min(sizeBytes, MAX_ENVELOPE_BYTES + 1));
    const length = await fillFrom(file, buffer, 0);
    signal.throwIfAborted();
    return length === buffer.length ? buffer : buffer.slice(0, length);
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}
