import { UnreachableError, UserError } from "../core/errors.ts";
import type { StatusDocument } from "../http/status/status_json.ts";
import {
  parsePublicKey,
  type PublicKey,
  publicKeyPem,
} from "../manifest/public_key.ts";
import { createKeyFile, generateSigningKey } from "../manifest/signing_key.ts";
import { signingKeyPath } from "../provider/state_directory.ts";
import {
  type CommandValues,
  openMachine,
  readConfig,
} from "./command_context.ts";
import { disk } from "./disk.ts";
import { loadKeys } from "./manifest_commands.ts";
import { writeResult } from "./output.ts";
import { fetchStatus } from "./status_command.ts";

/** `plasmd key generate`: never replaces a key. */
export async function runKeyGenerate(
  values: CommandValues<"key generate">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { logger } = openMachine(values);
  const config = await readConfig({ ...values, config: undefined }, logger, {
    signal,
  });
  const path = values.out ?? signingKeyPath(config.stateDir);
  const key = await generateSigningKey();
  if (!await createKeyFile(disk, path, key)) {
    throw new UserError(
      `Cannot create signing key "${path}": there is one already; name another file with --out`,
    );
  }
  logger.info(`Created the signing key "${path}"`);
  await writeResult(keyLines(key.publicKey), { signal });
}

/** `plasmd key show`: the public half, in the forms that clients take. */
export async function runKeyShow(
  values: CommandValues<"key show">,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { logger } = openMachine(values);
  const config = await readConfig(values, logger, { signal });
  const { keys, passphraseFile } = config.signing;
  const isNamed = keys.length > 0 || values.stateDir !== undefined;
  // One that runs here may keep its key where this user has nothing, or another.
  const url = values.url ?? `http://127.0.0.1:${config.port}`;
  const asked = values.url === undefined && isNamed
    ? []
    : await keysInUse(url, { isNeeded: values.url !== undefined, signal });
  for (const key of asked) {
    await writeResult(inFormat(key, values.format), { signal });
  }
  if (asked.length > 0) return;
  const ownPath = signingKeyPath(config.stateDir);
  const isAbsent = () => disk.stat(ownPath).then(() => false, () => true);
  if (!isNamed && await isAbsent()) {
    throw new UserError(
      `Cannot show a key: no provider answers at ${url}, and there is no "${ownPath}"; name the state directory of a provider with --state-dir, or a running one with --url`,
    );
  }
  const paths = keys.length > 0 ? keys : [ownPath];
  const signers = await loadKeys(paths, { passphraseFile, signal });
  await writeResult(
    signers.flatMap(({ publicKey }) => inFormat(publicKey, values.format)),
    { signal },
  );
}

/**
 * The keys that signed what a provider serves.
 *
 * @param options `isNeeded`: whether it must answer, with a key
 */
async function keysInUse(
  url: string,
  { isNeeded, signal }: {
    readonly isNeeded: boolean;
    readonly signal: AbortSignal;
  },
): Promise<PublicKey[]> {
  let keys: PublicKey[] = [];
  try {
    // Anything missing shows as a TypeError: then the answer is not from a
    // provider.
    const { images }: StatusDocument = JSON.parse(
      await fetchStatus(url, { signal }),
    );
    const keyIds = new Set(images.flatMap((image) => image.signed_by));
    keys = [...keyIds].flatMap((keyId) => {
      const key = parsePublicKey(keyId);
      return key.ok ? [key.value] : [];
    });
  } catch (error) {
    signal.throwIfAborted();
    if (isNeeded && error instanceof UnreachableError) throw error;
  }
  if (isNeeded && keys.length === 0) {
    throw new UserError(
      `Cannot show a key: ${url} serves nothing signed, or is not a plasmd of this version`,
    );
  }
  return keys;
}

function inFormat(
  key: PublicKey,
  format: CommandValues<"key show">["format"],
): string[] {
  switch (format) {
    case "all":
      return keyLines(key);
    case "keyid":
      return [key.keyId];
    case "hex":
      return [key.bytes.toHex()];
    case "base64":
      return [key.bytes.toBase64()];
    case "pem":
      return publicKeyPem(key).trimEnd().split("\n");
  }
}

function keyLines(key: PublicKey): string[] {
  return [
    `keyid   ${key.keyId}`,
    `hex     ${key.bytes.toHex()}`,
    `base64  ${key.bytes.toBase64()}`,
    ...inFormat(key, "pem"),
  ];
}
