import { join } from "node:path";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import { expiryWarning } from "../manifest/expiry_warning.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import { readTrustEnvelope, verifySuccessor } from "../manifest/trust_chain.ts";
import type { TrustRoot } from "../manifest/trust_root.ts";

/** The succession of trusted keys that a provider hands on. */
export interface TrustDocuments {
  /** Envelopes by number, served as they are. */
  readonly documents: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
  /** What is wrong or ends soon: whole sentences for the log. */
  readonly warnings: readonly string[];
}

/**
 * Reads `1.json`, `2.json` and so on. What no client could follow is not
 * served, and said: a document under another number, or one that the keys of
 * the one before have not signed.
 *
 * @param directory may be missing
 * @param now milliseconds since 1970
 */
export async function readTrustDocuments(
  directory: string,
  fileSystem: FileSystem,
  { now, signal }: { readonly now: number; readonly signal: AbortSignal },
): Promise<TrustDocuments> {
  const documents = new Map<number, Uint8Array<ArrayBuffer>>();
  const warnings: string[] = [];
  let last: TrustRoot | undefined;
  for (const number of await documentNumbers(directory, fileSystem)) {
    const path = join(directory, `${number}.json`);
    const bytes = await readEnvelopeFile(path, fileSystem, { signal });
    if (bytes === undefined) continue;
    const root = last?.trustVersion === number - 1
      ? await verifySuccessor(bytes, last)
      : readTrustEnvelope(bytes);
    if (!root.ok || root.value.trustVersion !== number) {
      const reason = root.ok
        ? `it says trust_version ${root.value.trustVersion}`
        : root.reason.message;
      warnings.push(`Ignoring "${path}": ${reason}`);
      continue;
    }
    documents.set(number, bytes);
    last = root.value;
  }
  const expiry = last?.expiresAtMs === undefined ? undefined : expiryWarning({
    subject: `The trust document "${
      join(directory, `${last.trustVersion}.json`)
    }"`,
    expiresAtMs: last.expiresAtMs,
    remedy: "sign its successor with: plasmd trust sign",
  }, now);
  if (expiry !== undefined) warnings.push(expiry);
  return { documents, warnings };
}

/** Ascending. */
async function documentNumbers(
  directory: string,
  fileSystem: FileSystem,
): Promise<number[]> {
  try {
    return (await fileSystem.list(directory))
      .map(({ name }) => Number(/^([1-9]\d{0,5})\.json$/.exec(name)?.[1]))
      .filter((number) => !Number.isNaN(number))
      .sort((a, b) => a - b);
  } catch (error) {
    if (error instanceof FileNotFoundError) return [];
    throw error;
  }
}
