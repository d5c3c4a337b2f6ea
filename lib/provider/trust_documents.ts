import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import { orReason } from "../core/or_reason.ts";
import { messageOf } from "../core/printable.ts";
import type { ServedImage } from "../http/artifacts/image_catalog.ts";
import { expiryWarning } from "../manifest/expiry_warning.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import { readHeldTrust, verifySuccessor } from "../manifest/trust_chain.ts";
import type { TrustRoot } from "../manifest/trust_root.ts";

/** The succession of trusted keys that a provider hands on. */
export interface TrustDocuments {
  /** Envelopes by number, served as they are. */
  readonly documents: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
  /** The last of them, which clients trust in the end. */
  readonly newest: TrustRoot | undefined;
  /** What is wrong or ends soon: whole sentences for the log. */
  readonly warnings: readonly string[];
  /** What was read, for the next reading. */
  readonly read: ReadDocuments;
}

/** Documents that were verified, which holds until they change. */
export interface ReadDocuments
  extends Pick<TrustDocuments, "documents" | "newest"> {
  /** The state of the directory. */
  readonly fingerprint: string;
  /** As `warnings`, without what ends soon. */
  readonly faults: readonly string[];
}

/**
 * Reads `1.json`, `2.json` and so on. What no client could follow is not
 * served, and said: a document under another number, one that the keys of the
 * one before or its own have not signed, or one that cannot be read.
 *
 * @param directory may be missing
 * @param before what it gave before, which is not verified again
 * @param now milliseconds since 1970
 * @throws SystemLimitError, and the signal's reason
 */
export async function readTrustDocuments(
  directory: string,
  fileSystem: FileSystem,
  { before, now, signal }: {
    readonly before?: TrustDocuments | undefined;
    readonly now: number;
    readonly signal: AbortSignal;
  },
): Promise<TrustDocuments> {
  const current = await fingerprint(directory, fileSystem);
  const read = current === before?.read.fingerprint ? before.read : {
    fingerprint: current,
    ...await readAll(directory, fileSystem, { signal }),
  };
  const { documents, faults, newest } = read;
  const expiry = newest?.expiresAtMs === undefined ? undefined : expiryWarning({
    subject: `The trust document "${
      join(directory, `${newest.trustVersion}.json`)
    }"`,
    expiresAtMs: newest.expiresAtMs,
    remedy: "sign its successor with: plasmd trust sign",
  }, now);
  const warnings = expiry === undefined ? faults : [...faults, expiry];
  return { documents, newest, warnings, read };
}

async function readAll(
  directory: string,
  fileSystem: FileSystem,
  { signal }: { readonly signal: AbortSignal },
): Promise<Omit<ReadDocuments, "fingerprint">> {
  const documents = new Map<number, Uint8Array<ArrayBuffer>>();
  const faults: string[] = [];
  let newest: TrustRoot | undefined;
  const numbers = await orReason(documentNumbers(directory, fileSystem));
  signal.throwIfAborted();
  if (!numbers.ok) {
    faults.push(`${numbers.reason}; no trust document is served`);
    return { documents, faults, newest };
  }
  for (const number of numbers.value) {
    const path = join(directory, `${number}.json`);
    const read = await orReason(readEnvelopeFile(path, fileSystem, { signal }));
    signal.throwIfAborted();
    const bytes = read.ok ? read.value : undefined;
    if (bytes === undefined) {
      const reason = read.ok ? "it is not a regular file" : read.reason;
      faults.push(`Ignoring "${path}": ${reason}`);
      continue;
    }
    const root = newest?.trustVersion === number - 1
      ? await verifySuccessor(bytes, newest)
      : await readHeldTrust(bytes);
    if (!root.ok || root.value.trustVersion !== number) {
      const reason = root.ok
        ? `it says trust_version ${root.value.trustVersion}`
        : root.reason.message;
      faults.push(`Ignoring "${path}": ${reason}`);
      continue;
    }
    documents.set(number, bytes);
    newest = root.value;
  }
  return { documents, faults, newest };
}

/**
 * What to tell an operator whose images are signed by other keys than clients
 * ask for once they have followed the trust documents: a line for each choice
 * of signers.
 */
export function signerWarnings(
  { newest }: Pick<TrustDocuments, "newest">,
  images: readonly Pick<ServedImage, "manifest">[],
): string[] {
  if (newest === undefined) return [];
  const { trustVersion, manifestKeys: { keys, threshold } } = newest;
  const choices = new Map(
    images.map(({ manifest: { signedBy } }) => [signedBy.join(", "), signedBy]),
  );
  return [...choices].flatMap(([signers, signedBy]) => {
    const count = signedBy.filter((keyId) => keys.has(keyId)).length;
    return count >= threshold ? [] : [
      `Boxes that follow trust document ${trustVersion} refuse what ${signers} signed: ${count} of its keys, not ${threshold}; sign with keys that it names, or create a successor that names these with: plasmd trust sign`,
    ];
  });
}

/** How often the directory is looked at. */
const POLL_MS = 1000;

/**
 * Watches for documents that come, change or go: by looking, since the
 * directory is small and may be anywhere.
 *
 * @param onChange called within about a second
 * @returns ends it
 */
export function watchTrustDocuments(
  directory: string,
  { fileSystem, clock }: {
    readonly fileSystem: FileSystem;
    readonly clock: Clock;
  },
  onChange: () => void,
): Disposable {
  let hasEnded = false;
  let cancel = () => {};
  let before: string | undefined;
  const look = async () => {
    const now = await fingerprint(directory, fileSystem);
    if (hasEnded) return;
    if (before !== undefined && now !== before) onChange();
    before = now;
    cancel = clock.setTimer(look, POLL_MS);
  };
  look();
  return {
    [Symbol.dispose]() {
      hasEnded = true;
      cancel();
    },
  };
}

/** Another text when a document may be another. */
async function fingerprint(
  directory: string,
  fileSystem: FileSystem,
): Promise<string> {
  try {
    const numbers = await documentNumbers(directory, fileSystem);
    const infos = await Promise.all(
      numbers.map((number) =>
        fileSystem.stat(join(directory, `${number}.json`)).catch(messageOf)
      ),
    );
    return JSON.stringify([numbers, infos]);
  } catch (error) {
    return messageOf(error);
  }
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
