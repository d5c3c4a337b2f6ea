import { parseTrustFile } from "../config/trust_file.ts";
import { ConfigError, UsageError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import { ok } from "../core/result.ts";
import { openEnvelope } from "../manifest/envelope.ts";
import { expiryWarning } from "../manifest/expiry_warning.ts";
import { addSignatures, sealEnvelope } from "../manifest/sign_envelope.ts";
import {
  countSigners,
  followTrust,
  MAX_FOLLOWED,
  readTrustEnvelope,
} from "../manifest/trust_chain.ts";
import {
  parseTrustRoot,
  type TrustRoot,
  trustRootContent,
} from "../manifest/trust_root.ts";
import type { TrustedKeys } from "../manifest/trusted_keys.ts";
import { clockSays } from "../manifest/clock_lag.ts";
import { formatTimestamp } from "../manifest/timestamp.ts";
import { type CommandValues, openMachine } from "./command_context.ts";
import { disk } from "./disk.ts";
import { loadKeys, orThrow, readManifestFile } from "./manifest_commands.ts";
import { withJson, writeResult } from "./output.ts";

/**
 * `plasmd trust sign`: makes the document that succeeds a trust file from a
 * trust file, or adds signatures to one that was made. Ends with 6 as long as
 * no box follows it, since signatures are missing.
 */
export async function runTrustSign(
  values: CommandValues<"trust sign">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { logger, clock } = openMachine(values);
  const { document, trust } = values;
  const keys = await loadKeys(values.key, { ...values, signal });
  const before = trust === undefined
    ? undefined
    : (await readTrust(trust, { signal })).root;
  const { root, bytes } = await readTrust(document, { signal });
  if (before !== undefined && root.trustVersion !== before.trustVersion + 1) {
    throw new UsageError(
      `Cannot sign "${document}" as the successor of "${trust}": trust_version ${root.trustVersion} does not follow ${before.trustVersion}`,
    );
  }
  const signed = bytes === undefined
    ? await sealEnvelope(trustRootContent(root), keys)
    : orThrow(
      await addSignatures(bytes, keys),
      `Cannot sign trust document "${document}"`,
    );
  const path = values.out ??
    (bytes === undefined ? document.replace(/(\.toml)?$/, ".json") : document);
  await disk.writeAtomically(path, signed, { mode: 0o644 });
  const counts = await Promise.all([
    ...before === undefined ? [] : [countOf("old", signed, before)],
    countOf("new", signed, root),
  ]);
  const { expiresAtMs } = root;
  const expiry = expiresAtMs && expiryWarning({
    subject: `The trust document "${path}"`,
    expiresAtMs,
    remedy: "make one with a later expires_at",
  }, clock.now());
  if (expiry) logger.warn(expiry);
  const isComplete = counts.every((count) => count.isEnough);
  logger.info(
    `Signed "${path}" with ${
      keys.map(({ publicKey }) => publicKey.keyId).join(", ")
    }: ${counts.map(({ text }) => text).join(", ")}${
      isComplete
        ? before === undefined
          ? "; --trust FILE or plasmd trust verify shows whether the preceding keys have signed"
          : ": boxes follow this"
        : ": no box follows this yet; have the others sign it"
    }`,
  );
  return isComplete ? ExitCode.done : ExitCode.incomplete;
}

/** How many of the successor keys have signed: `old 2 of 2`. */
async function countOf(
  name: string,
  bytes: Uint8Array,
  { successorKeys }: TrustRoot,
): Promise<{ readonly text: string; readonly isEnough: boolean }> {
  const envelope = openEnvelope(bytes);
  const count = envelope.ok
    ? await countSigners(envelope.value, successorKeys)
    : 0;
  const { threshold } = successorKeys;
  return {
    text: `${name} ${count} of ${threshold}`,
    isEnough: count >= threshold,
  };
}

/** `plasmd trust show`: what a trust file or document says. */
export async function runTrustShow(
  values: CommandValues<"trust show">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { root, bytes } = await readTrust(values.document, { signal });
  const envelope = bytes && openEnvelope(bytes);
  const signatures = envelope?.ok ? envelope.value.signatures : [];
  const own = bytes && await countOf("new", bytes, root);
  const keyLines = (name: string, { keys, threshold }: TrustedKeys) => [
    `${name.padEnd(18)}${threshold} of ${keys.size}`,
    ...[...keys.keys()].sort().map((keyId) => `  ${keyId}`),
  ];
  const { expiresAtMs } = root;
  const lines = () => [
    `trust_version     ${root.trustVersion}`,
    ...keyLines("keys", root.manifestKeys),
    ...keyLines("successor_keys", root.successorKeys),
    `minimum_version   ${root.minimumVersion}`,
    `expires           ${
      expiresAtMs === undefined ? "never" : formatTimestamp(expiresAtMs)
    }`,
    ...own === undefined ? [] : [`signed by its own ${own.text.slice(4)}`],
    ...signatures.map(({ keyId }) => `signed by         ${keyId}`),
  ];
  await writeResult(withJson(values, trustRootContent(root), lines), {
    signal,
  });
}

/** `plasmd trust verify`: what a box does with documents, from its trust file on. */
export async function runTrustVerify(
  values: CommandValues<"trust verify">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { logger, clock } = openMachine(values);
  if (values.trust === undefined) {
    throw new UsageError(
      "Cannot verify without a trust file: name the one that boxes have with --trust",
    );
  }
  const start = (await readTrust(values.trust, { signal })).root;
  const documents = new Map<number, Uint8Array>();
  for (const path of values.document) {
    const bytes = await readManifestFile(path, { signal });
    const { trustVersion } = orThrow(
      readTrustEnvelope(bytes),
      `Cannot verify trust document "${path}"`,
    );
    documents.set(trustVersion, bytes);
  }
  const { root, refusal } = await followTrust(
    start,
    (trustVersion) => Promise.resolve(ok(documents.get(trustVersion))),
    { upTo: start.trustVersion + MAX_FOLLOWED, signal },
  );
  const next = root.trustVersion + 1;
  const last = Math.max(...documents.keys());
  const { expiresAtMs } = root;
  const problem = refusal !== undefined
    ? `document ${next} is refused: ${refusal.message} (${refusal.code})`
    : last > root.trustVersion
    ? `document ${next} is missing`
    : expiresAtMs !== undefined && expiresAtMs <= clock.now()
    ? `document ${root.trustVersion} expired at ${
      formatTimestamp(expiresAtMs)
    }, ${clockSays(clock.now())}`
    : undefined;
  if (problem !== undefined) {
    logger.error(
      `NOT VERIFIED: boxes follow up to ${root.trustVersion}, but ${problem}`,
    );
    return ExitCode.notVerified;
  }
  await writeResult([
    `followed from ${start.trustVersion} to ${root.trustVersion}`,
  ], { signal });
  return ExitCode.done;
}

/**
 * Reads a trust file, or a document made from one.
 *
 * @returns what it says, and the document's envelope
 */
async function readTrust(
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<
  { readonly root: TrustRoot; readonly bytes?: Uint8Array<ArrayBuffer> }
> {
  if (path.endsWith(".json")) {
    const bytes = await readManifestFile(path, { signal });
    const root = orThrow(
      readTrustEnvelope(bytes),
      `Cannot use trust document "${path}"`,
    );
    return { root, bytes };
  }
  const root = parseTrustRoot(
    parseTrustFile(await disk.readText(path, { mayBePipe: true }), path),
  );
  if (!root.ok) throw new ConfigError({ path }, root.reason);
  return { root: root.value };
}
