import { join } from "node:path";
import { formatChannelArch } from "../core/channel_arch.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { UnreachableError, UsageError, UserError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import type { Result } from "../core/result.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import {
  type CandidateRefusal,
  isRefusedManifest,
} from "../discover/candidate_refusal.ts";
import { fetchManifest } from "../discover/fetch_manifest.ts";
import {
  artifactsByRole,
  type BootManifest,
} from "../manifest/boot_manifest.ts";
import { checkSignedImage } from "../manifest/check_signed_image.ts";
import { clockLagWarning } from "../manifest/clock_lag.ts";
import { openEnvelope } from "../manifest/envelope.ts";
import {
  issueManifest,
  promisesContentOf,
} from "../manifest/issue_manifest.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import { readPublicKeys } from "../manifest/read_public_keys.ts";
import { hasHalfItsLife, renewManifest } from "../manifest/renew_manifest.ts";
import { addSignatures } from "../manifest/sign_envelope.ts";
import { loadSigningKey, type SigningKey } from "../manifest/signing_key.ts";
import { formatTimestamp } from "../manifest/timestamp.ts";
import { trustKeys } from "../manifest/trusted_keys.ts";
import {
  manifestOf,
  readEnvelope,
  verifyEnvelope,
} from "../manifest/verify_envelope.ts";
import { httpGet } from "../net/http1/get.ts";
import { checksumProblem } from "../scan/checksums.ts";
import { digestFile, hashImage } from "../scan/digest.ts";
import type { ImageFiles } from "../scan/image_files.ts";
import { scanAvailable } from "../scan/scan_available.ts";
import {
  type CommandValues,
  openMachine,
  readConfig,
} from "./command_context.ts";
import { disk } from "./disk.ts";
import { withJson, writeResult } from "./output.ts";
import { passphraseFrom } from "./passphrase.ts";

/** As long as `phase_discover` searches by default. */
const FETCH_TIMEOUT_MS = 30_000;

/** `plasmd manifest show`: prints what a manifest promises, verified or not. */
export async function runManifestShow(
  values: CommandValues<"manifest show">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const bytes = await readManifest(values.manifest, { signal });
  const cannot = `Cannot show manifest "${values.manifest}"`;
  const envelope = orThrow(openEnvelope(bytes), cannot);
  const manifest = orThrow(manifestOf(envelope), cannot);
  const signers = signersOf(bytes);
  const lines = () => [
    ...manifestLines(manifest),
    ...(signers.length > 0 ? signers : ["nobody"]).map((keyId) =>
      `signed by         ${keyId}`
    ),
  ];
  await writeResult(withJson(values, envelope.content, lines), { signal });
}

/** `plasmd manifest generate`: prints what has to be signed, without a key. */
export async function runManifestGenerate(
  values: CommandValues<"manifest generate">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { logger, clock } = openMachine(values);
  const config = await readConfig(
    {
      ...values,
      channel: values.channel === undefined ? [] : [values.channel],
      arch: values.arch === undefined ? [] : [values.arch],
    },
    logger,
    { signal },
  );
  const { available, warnings } = await scanAvailable(config, disk, { signal });
  for (const warning of warnings) logger.warn(warning);
  const files = onlyImage(available, config.artifactsDir);
  const image = await hashImage(
    files,
    (file) => digestFile(file, disk, { signal }),
  );
  const mismatch = checksumProblem(image);
  if (mismatch !== undefined) {
    throw new UserError(`Cannot generate a manifest: ${mismatch}`);
  }
  const beside = join(files.directory, "manifest.json");
  const life = {
    now: timeToSignAt(clock, "generate a manifest"),
    expiresDays: config.signing.expiresDays,
  };
  const previous = await readEnvelopeFile(beside, disk, { signal });
  if (previous !== undefined && values.out === undefined) {
    const signed = await checkSignedImage(previous, image);
    if (
      signed.ok && promisesContentOf(previous, image) &&
      hasHalfItsLife(signed.value.manifest, life)
    ) {
      logger.info(
        `Left "${beside}" as it is: it is signed and up to date, and expires at ${
          formatTimestamp(signed.value.manifest.expiresAtMs)
        }; write an unsigned one elsewhere with --out FILE`,
      );
      return;
    }
  }
  const { bytes, manifest } = await issueManifest({
    image,
    ...previous !== undefined && { previous },
    signers: [],
    ...life,
  });
  const path = values.out ?? beside;
  await disk.writeAtomically(path, bytes, { mode: 0o644 });
  logger.info(
    `Wrote "${path}", not signed yet: no provider offers the image with it until it is; sign it with: plasmd manifest sign --key FILE "${path}"`,
  );
  await writeResult(manifestLines(manifest), { signal });
}

/** `plasmd manifest renew`: the same promises, with time left. */
export async function runManifestRenew(
  values: CommandValues<"manifest renew">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { logger, clock } = openMachine(values);
  if (values.out !== undefined && values.manifest.length > 1) {
    throw new UsageError("Cannot write several manifests to one --out FILE");
  }
  const { signing } = await readConfig(values, logger, { signal });
  const signers = await loadKeys(values.key, { ...signing, signal });
  const now = timeToSignAt(clock, "renew a manifest");
  for (const source of values.manifest) {
    const previous = await readManifestFile(source, { signal });
    const { bytes, manifest } = orThrow(
      await renewManifest(previous, signers, { now, ...signing }),
      `Cannot renew manifest "${source}" with these keys`,
    );
    const until = formatTimestamp(manifest.expiresAtMs);
    const path = values.out ?? source;
    if (bytes === previous && path === source) {
      logger.info(`Left "${path}" as it is: it expires at ${until}`);
      continue;
    }
    await disk.writeAtomically(path, bytes, { mode: 0o644 });
    const keyIds = signers.map(({ publicKey }) => publicKey.keyId);
    logger.info(
      `Renewed "${path}" until ${until}, signed with ${keyIds.join(", ")}`,
    );
    const others = signersOf(previous).filter((id) => !keyIds.includes(id));
    if (others.length > 0) {
      logger.warn(
        `"${path}" is not signed by ${
          others.join(", ")
        } any more: if clients require that, add it with plasmd manifest sign before a provider gets the file`,
      );
    }
  }
}

/** `plasmd manifest sign`: adds signatures, and keeps those that are there. */
export async function runManifestSign(
  values: CommandValues<"manifest sign">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { logger, clock } = openMachine(values);
  const keys = await loadKeys(values.key, { ...values, signal });
  const bytes = await readManifestFile(values.manifest, { signal });
  const cannot = `Cannot sign manifest "${values.manifest}"`;
  const manifest = orThrow(readEnvelope(bytes), cannot);
  if (manifest.expiresAtMs <= clock.now()) {
    throw new UserError(
      `${cannot}: it expired at ${
        formatTimestamp(manifest.expiresAtMs)
      }, and no client takes it; make it anew with plasmd manifest renew where it was signed before, else with plasmd manifest generate`,
    );
  }
  const signed = orThrow(await addSignatures(bytes, keys), cannot);
  const path = values.out ?? values.manifest;
  await disk.writeAtomically(path, signed, { mode: 0o644 });
  logger.info(
    `Signed "${path}" with ${
      keys.map(({ publicKey }) => publicKey.keyId).join(", ")
    }`,
  );
  await writeResult(manifestLines(manifest), { signal });
}

/** `plasmd manifest verify`: ends with 4 when a client would not take it. */
export async function runManifestVerify(
  values: CommandValues<"manifest verify">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { logger, clock } = openMachine(values);
  if (values.key.length === 0) {
    throw new UsageError("Cannot verify without a key: name one with --key");
  }
  const trusted = trustKeys(
    await readPublicKeys(values.key, disk, { signal }),
    values.threshold,
  );
  if (!trusted.ok) {
    throw new UsageError(`Cannot use --threshold: ${trusted.reason}`);
  }
  const bytes = await readManifest(values.manifest, { signal });
  const content = readEnvelope(bytes);
  const verdict = content.ok
    ? await verifyEnvelope(bytes, {
      trusted: trusted.value,
      image: content.value.image,
      minimumVersion: 1,
      clockTrusted: true,
    }, clock.now())
    : content;
  if (!verdict.ok) {
    const { code, message } = verdict.reason;
    logger.error(`NOT VERIFIED "${values.manifest}": ${message} (${code})`);
    return ExitCode.notVerified;
  }
  const { manifest, verifiedBy } = verdict.value;
  const lag = clockLagWarning(manifest.createdAtMs, clock.now());
  if (lag !== undefined) logger.warn(lag);
  await writeResult([
    ...manifestLines(manifest),
    ...verifiedBy.map((keyId) => `verified by       ${keyId}`),
  ], { signal });
  return ExitCode.done;
}

/**
 * Loads the private keys of a `sign` command.
 *
 * @throws UserError when there is none, or one cannot be used
 */
export async function loadKeys(
  paths: readonly string[],
  { passphraseFile, signal }: {
    readonly passphraseFile?: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<SigningKey[]> {
  if (paths.length === 0) {
    throw new UsageError(
      "Cannot sign without a key: name one with --key, make one with plasmd key generate",
    );
  }
  const passphrase = passphraseFrom(passphraseFile, { signal });
  const keys: SigningKey[] = [];
  // One after the other, since each may ask for a passphrase.
  for (const path of paths) {
    keys.push(await loadSigningKey(disk, path, { passphrase, signal }));
  }
  return keys;
}

/**
 * The time, for signatures that are valid from now on.
 *
 * @throws UserError when the clock was never set: every client would refuse it
 */
function timeToSignAt(clock: Clock, task: string): number {
  const now = clock.now();
  if (now >= RELEASED_AT_MS) return now;
  throw new UserError(
    `Cannot ${task}: the clock shows ${
      formatTimestamp(now)
    }, when this program was not yet made; set it first`,
  );
}

/**
 * Reads an envelope from disk.
 *
 * @throws UserError when there is no such file
 */
export async function readManifestFile(
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readEnvelopeFile(path, disk, { signal });
  if (bytes === undefined) {
    throw new UserError(`Cannot read "${path}": there is no such file`);
  }
  return bytes;
}

/**
 * The value, which must be good.
 *
 * @param cannot what could not be done, in front of the reason
 * @throws UserError with the reason
 */
export function orThrow<T>(
  result: Result<T, CandidateRefusal>,
  cannot: string,
): T {
  if (result.ok) return result.value;
  throw new UserError(`${cannot}: ${result.reason.message}`);
}

async function readManifest(
  source: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<Uint8Array<ArrayBuffer>> {
  if (!/^https?:\/\//.test(source)) {
    return await readManifestFile(source, { signal });
  }
  const url = URL.parse(source);
  if (url === null) throw new UsageError(`Cannot fetch "${source}": not a URL`);
  const bytes = await fetchManifest(url, {
    httpGet,
    clock: systemClock,
    timeoutMs: FETCH_TIMEOUT_MS,
  }, { signal });
  const cannot = `Cannot fetch "${source}"`;
  if (!bytes.ok && !isRefusedManifest(bytes.reason)) {
    throw new UnreachableError(`${cannot}: ${bytes.reason.message}`);
  }
  return orThrow(bytes, cannot);
}

function onlyImage(
  available: readonly ImageFiles[],
  artifactsDir: string,
): ImageFiles {
  const [only, ...others] = available;
  if (only !== undefined && others.length === 0) return only;
  const names = available.map(({ image }) => formatChannelArch(image));
  throw new UserError(
    names.length === 0
      ? `Cannot generate a manifest: no such image below "${artifactsDir}"; see what is there with: plasmd scan`
      : `Cannot generate a manifest for several images (${
        names.join(", ")
      }): choose one with --channel and --arch`,
  );
}

/** The key ids that an envelope names as signers, unchecked. */
function signersOf(bytes: Uint8Array): string[] {
  const envelope = openEnvelope(bytes);
  return envelope.ok ? envelope.value.signatures.map((s) => s.keyId) : [];
}

function manifestLines(manifest: BootManifest): string[] {
  return [
    `image             ${formatChannelArch(manifest.image)}`,
    `version           ${manifest.version}`,
    `manifest_version  ${manifest.manifestVersion}`,
    `created           ${formatTimestamp(manifest.createdAtMs)}`,
    `expires           ${formatTimestamp(manifest.expiresAtMs)}`,
    ...manifest.cmdline === undefined
      ? []
      : [`cmdline           ${manifest.cmdline}`],
    ...[...artifactsByRole(manifest)].map(([role, artifact]) =>
      `${role.padEnd(18)}${artifact.filename}  ${artifact.sizeBytes} bytes  ` +
      `sha256:${artifact.sha256}`
    ),
  ];
}
