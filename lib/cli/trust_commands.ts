import { parseTrustFile } from "../config/trust_file.ts";
import { ConfigError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import { addSignatures, sealEnvelope } from "../manifest/sign_envelope.ts";
import type { SigningKey } from "../manifest/signing_key.ts";
import { readTrustEnvelope } from "../manifest/trust_chain.ts";
import { parseTrustRoot, trustRootContent } from "../manifest/trust_root.ts";
import { type CommandValues, openMachine } from "./command_context.ts";
import { disk } from "./disk.ts";
import { loadKeys, orThrow, readManifestFile } from "./manifest_commands.ts";

/**
 * `plasmd trust sign`: makes the document that succeeds a trust file from a
 * trust file, or adds signatures to one that was made.
 */
export async function runTrustSign(
  values: CommandValues<"trust sign">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { logger } = openMachine(values);
  const { document } = values;
  const keys = await loadKeys(values.key, { signal });
  const isEnvelope = document.endsWith(".json");
  const bytes = isEnvelope
    ? await countersign(document, keys, { signal })
    : await seal(document, keys);
  const path = values.out ??
    (isEnvelope ? document : document.replace(/(\.toml)?$/, ".json"));
  await disk.writeAtomically(path, bytes, { mode: 0o644 });
  logger.info(
    `Signed "${path}" with ${
      keys.map(({ publicKey }) => publicKey.keyId).join(", ")
    }`,
  );
  return ExitCode.done;
}

async function seal(
  path: string,
  keys: readonly SigningKey[],
): Promise<Uint8Array<ArrayBuffer>> {
  const root = parseTrustRoot(
    parseTrustFile(await disk.readText(path, { mayBePipe: true }), path),
  );
  if (!root.ok) throw new ConfigError({ path }, root.reason);
  return await sealEnvelope(trustRootContent(root.value), keys);
}

async function countersign(
  path: string,
  keys: readonly SigningKey[],
  { signal }: { readonly signal: AbortSignal },
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readManifestFile(path, { signal });
  const cannot = `Cannot sign trust document "${path}"`;
  orThrow(readTrustEnvelope(bytes), cannot);
  return orThrow(await addSignatures(bytes, keys), cannot);
}
