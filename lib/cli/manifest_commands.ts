import { join } from "node:path";
import { formatChannelArch } from "../core/channel_arch.ts";
import { systemClock } from "../core/clock.ts";
import { UnreachableError, UsageError, UserError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import type { Result } from "../core/result.ts";
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
import { openEnvelope } from "../manifest/envelope.ts";
import {
  issueManifest,
  promisesContentOf,
} from "../manifest/issue_manifest.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import { readPublicKeys } from "../manifest/read_public_keys.ts";
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

/** `plasmd manifest show`: prints what a manifest promises, verified or not. */
export async function runManifestShow(
  values: CommandValues<"manifest show">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const bytes = await readManifest(values.manifest, { signal });
  const cannot = `Cannot show manifest "${values.manifest}"`;
  const envelope = orThrow(openEnvelope(bytes), cannot);
  const manifest = orThrow(manifestOf(envelope), cannot);
  const signers = envelope.signatures.map(({ keyId }) => keyId);
  const lines = () => [
    ...manifestLines(manifest),
    ...(signers.length > 0 ? signers : ["nobody"]).map((keyId) =>
      `signed by         ${keyId}`
    ),
  ];
  await writeResult(withJson(values, envelope.content, lines), { signal });
}

/** `plasmd manifest generate`: what is to be signed, without any key. */
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
  const previous = await readEnvelopeFile(beside, disk, { signal });
  if (previous !== undefined && values.out === undefined) {
    const signed = await checkSignedImage(previous, image);
    if (signed.ok && promisesContentOf(previous, image)) {
      logger.info(
        `Left "${beside}" as it is: it is signed and says what there is; write an unsigned one elsewhere with --out FILE`,
      );
      return;
    }
  }
  const { bytes, manifest } = await issueManifest({
    image,
    ...previous !== undefined && { previous },
    signers: [],
    now: clock.now(),
    expiresDays: config.signing.expiresDays,
  });
  const path = values.out ?? beside;
  await disk.writeAtomically(path, bytes, { mode: 0o644 });
  logger.info(
    `Wrote "${path}", not signed yet: sign it with: plasmd manifest sign --key FILE "${path}"`,
  );
  await writeResult(manifestLines(manifest), { signal });
}

/** `plasmd manifest sign`: adds signatures, and keeps those that are there. */
export async function runManifestSign(
  values: CommandValues<"manifest sign">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { logger } = openMachine(values);
  const keys = await loadKeys(values.key, { signal });
  const bytes = await readManifestFile(values.manifest, { signal });
  const cannot = `Cannot sign manifest "${values.manifest}"`;
  const manifest = orThrow(readEnvelope(bytes), cannot);
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
  { signal }: { readonly signal: AbortSignal },
): Promise<SigningKey[]> {
  if (paths.length === 0) {
    throw new UsageError(
      "Cannot sign without a key: name one with --key, make one with plasmd key generate",
    );
  }
  return await Promise.all(
    paths.map((path) => loadSigningKey(disk, path, { signal })),
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
): Promise<Uint8Array> {
  if (!/^https?:\/\//.test(source)) {
    return await readManifestFile(source, { signal });
  }
  const url = URL.parse(source);
  if (url === null) throw new UsageError(`Cannot fetch "${source}": not a URL`);
  const bytes = await fetchManifest(url, { httpGet, clock: systemClock }, {
    signal,
  });
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
