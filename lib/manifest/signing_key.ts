import { dirname } from "node:path";
import { decodeBase64 } from "../core/base64.ts";
import { pemBodies, pemText } from "../core/ed25519_pem.ts";
import { UserError } from "../core/errors.ts";
import {
  FileAccessError,
  FileNotFoundError,
  type FileSystem,
  SystemLimitError,
} from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { foreignPrivateKey } from "./foreign_keys.ts";
import { type PublicKey, publicKey } from "./public_key.ts";

/** An Ed25519 private key that signs manifests. */
export interface SigningKey {
  /** What clients check its signatures with. */
  readonly publicKey: PublicKey;
  /** Signs a message; the signature has 64 bytes (RFC 8032). */
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** The private key in PKCS#8 PEM (RFC 8410), as OpenSSL reads it. */
  toPem(): Promise<string>;
}

/** Makes a new random key. */
export async function generateSigningKey(): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]);
  if (!("privateKey" in pair)) {
    throw new TypeError("Ed25519 keys come in pairs");
  }
  return await signingKey(pair.privateKey);
}

/** Gets the passphrase of the key in a file; throws UserError for none. */
export type AskPassphrase = (path: string) => Promise<string>;

/**
 * Reads a private key in PKCS#8 PEM, as written by this program or by
 * `openssl genpkey -algorithm ed25519`.
 *
 * @param passphrase asked for where the key has one (RFC 8018)
 * @throws what `passphrase` throws
 */
export async function parseSigningKey(
  text: string,
  passphrase?: () => Promise<string>,
): Promise<Result<SigningKey>> {
  const der = await derOf(text, passphrase);
  if (!der.ok) return der;
  try {
    return ok(
      await signingKey(
        await crypto.subtle
          .importKey("pkcs8", der.value, "Ed25519", true, ["sign"]),
      ),
    );
  } catch {
    // The system says no more than that it is not one.
    return refuse("not an Ed25519 private key");
  }
}

/** The one private key of a PEM text, without its passphrase. */
async function derOf(
  text: string,
  passphrase: (() => Promise<string>) | undefined,
): Promise<Result<Uint8Array<ArrayBuffer>>> {
  const plain = pemBodies(text, "PRIVATE KEY");
  const encrypted = pemBodies(text, "ENCRYPTED PRIVATE KEY");
  if (plain.length + encrypted.length > 1) {
    return refuse("several private keys; give each a file of its own");
  }
  const der = plain[0] === undefined ? undefined : decodeBase64(plain[0]);
  if (der !== undefined) return ok(der);
  if (encrypted.length === 0) {
    return refuse(
      foreignPrivateKey(text.trim()) ?? "not a private key in PKCS#8 PEM",
    );
  }
  if (passphrase === undefined) return refuse("it has a passphrase");
  const asked = await passphrase();
  // Loaded late: what signs seldom has a passphrase.
  const { createPrivateKey } = await import("node:crypto");
  try {
    const key = createPrivateKey({ key: text, passphrase: asked });
    return ok(new Uint8Array(key.export({ type: "pkcs8", format: "der" })));
  } catch {
    return refuse("a key that this passphrase does not decrypt");
  }
}

/** How a key is loaded. */
export interface LoadOptions {
  /** Absent: a key that has a passphrase is refused. */
  readonly passphrase?: AskPassphrase;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Reads the signing key of a file.
 *
 * @throws UserError when there is none that can be used, or when others than
 * its owner may read it
 */
export async function loadSigningKey(
  fileSystem: FileSystem,
  path: string,
  options: LoadOptions,
): Promise<SigningKey> {
  const key = await readKeyFile(fileSystem, path, {
    ...options,
    mayBePipe: true,
  });
  if (key === undefined) {
    throw new UserError(
      `Cannot use signing key "${path}": there is no such file; make one with: plasmd key generate --out "${path}"`,
    );
  }
  return key;
}

/** @returns undefined when there is no such file */
async function readKeyFile(
  fileSystem: FileSystem,
  path: string,
  { mayBePipe = false, passphrase, signal }: LoadOptions & {
    readonly mayBePipe?: boolean;
  },
): Promise<SigningKey | undefined> {
  const subject = `signing key "${path}"`;
  const options = { mayBePipe, signal };
  const text = await readSecret(fileSystem, path, subject, options);
  if (text === undefined) return undefined;
  if (text.trim() === "") {
    throw new UserError(
      `Cannot use ${subject}: it is empty: restore it, since clients trust what was in it; delete it to have a new one made`,
    );
  }
  const key = await parseSigningKey(
    text,
    passphrase && (() => passphrase(path)),
  );
  if (key.ok) return key.value;
  throw new UserError(
    `Cannot use ${subject}: ${key.reason}; make one with: plasmd key generate --out FILE`,
  );
}

/** A secret that this program may not read: that says nothing about it. */
export class ForbiddenSecretError extends UserError {
  /** Tells the kinds apart. */
  override readonly name = "ForbiddenSecretError";
}

/**
 * Reads a file that only its owner may read.
 *
 * @param subject what it is, for the message
 * @returns undefined when there is no such file
 * @throws ForbiddenSecretError, or UserError when it cannot be read otherwise,
 * or others can
 */
export async function readSecret(
  fileSystem: FileSystem,
  path: string,
  subject: string,
  { mayBePipe = false, signal }: {
    readonly mayBePipe?: boolean;
    readonly signal: AbortSignal;
  },
): Promise<string | undefined> {
  const unusable = (problem: string) =>
    new UserError(`Cannot use ${subject}: ${problem}`);
  try {
    const { kind, mode } = await fileSystem.stat(path);
    signal.throwIfAborted();
    if (kind !== "file" && !mayBePipe) {
      throw unusable("it is not a regular file");
    }
    if ((mode & 0o077) !== 0) {
      throw unusable(
        `others than its owner may read it; run: chmod 600 "${path}"`,
      );
    }
    return await fileSystem.readText(path, { mayBePipe });
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    if (!(error instanceof FileAccessError)) throw error;
    if (error.problem !== "permission denied") throw unusable(error.problem);
    throw new ForbiddenSecretError(
      `Cannot use ${subject}: this program may not read it; run it as its owner`,
    );
  }
}

/**
 * Reads the signing key of a file, which is made first where there is none:
 * readable by its owner only, and whole or not there at all.
 *
 * @throws UserError as {@linkcode loadSigningKey} does
 */
export async function loadOrCreateSigningKey(
  fileSystem: FileSystem,
  path: string,
  options: LoadOptions,
): Promise<{ readonly key: SigningKey; readonly created: boolean }> {
  const present = await readKeyFile(fileSystem, path, options);
  if (present !== undefined) return { key: present, created: false };
  const key = await generateSigningKey();
  options.signal.throwIfAborted();
  if (await createKeyFile(fileSystem, path, key)) return { key, created: true };
  // Another process was faster: its key is as good.
  return {
    key: await loadSigningKey(fileSystem, path, options),
    created: false,
  };
}

/**
 * Writes a new key file with mode 0600, and creates its directory if needed.
 *
 * @returns false when the file exists already, which is left as it is
 * @throws UserError when it cannot be written
 */
export async function createKeyFile(
  fileSystem: FileSystem,
  path: string,
  key: SigningKey,
): Promise<boolean> {
  const pem = new TextEncoder().encode(await key.toPem());
  try {
    await fileSystem.makeDirectory(dirname(path), 0o700);
    return await fileSystem
      .writeAtomically(path, pem, { mode: 0o600, ifAbsent: true });
  } catch (error) {
    if (error instanceof SystemLimitError) throw error; // which passes
    throw new UserError(`Cannot keep a new signing key: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function signingKey(privateKey: CryptoKey): Promise<SigningKey> {
  // JWK (RFC 8037) is the one export that holds the public half.
  const { x } = await crypto.subtle.exportKey("jwk", privateKey);
  if (x === undefined) throw new TypeError("the key has no public half");
  const publicBytes = Uint8Array.fromBase64(x, { alphabet: "base64url" });
  return {
    publicKey: publicKey(publicBytes),
    async sign(message) {
      return new Uint8Array(
        await crypto.subtle.sign("Ed25519", privateKey, message),
      );
    },
    async toPem() {
      const der = await crypto.subtle.exportKey("pkcs8", privateKey);
      return pemText("PRIVATE KEY", new Uint8Array(der));
    },
  };
}
