import { UserError } from "../core/errors.ts";
import { type PublicKey, publicKeyPem } from "../manifest/public_key.ts";
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
  const paths = keys.length > 0 ? keys : [signingKeyPath(config.stateDir)];
  const signers = await loadKeys(paths, { passphraseFile, signal });
  await writeResult(
    signers.flatMap(({ publicKey }) => inFormat(publicKey, values.format)),
    { signal },
  );
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
