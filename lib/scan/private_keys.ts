import { BoundedMap } from "../core/bounded_map.ts";
import { fillFrom } from "../core/fill_from.ts";
import type { FileSystem } from "../core/file_system.ts";
import { fileIdentity } from "./digest.ts";
import type { ArtifactFile } from "./image_files.ts";

/**
 * Names of files that no one means to publish: keys of SSH, PKCS #12, GnuPG,
 * age, kernel modules, and ours.
 */
const SECRET_NAME =
  /(^|\/)(id_[^/]*(?<!\.pub)|[^/]*\.(p12|pfx|p8|key|priv|jks|keystore|ppk|agekey)|ssh_host_[^/]*_key|secring\.[^/]*|shadow-?|\.?netrc)$/i;

/** Key files are small; what is larger is not read to look for one. */
const MAX_KEY_FILE_BYTES = 64 * 1024;
/** How many files are remembered; beyond that a file is read again. */
const MAX_KNOWN = 100_000;

/** PEM (RFC 7468), OpenSSH, PGP (RFC 9580), age, PuTTY, WireGuard. */
const SECRET_TEXT =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY|AGE-SECRET-KEY-|^PuTTY-User-Key-File-|^\s*PrivateKey\s*=\s*[A-Za-z0-9+/]{43}=/m;

/** Whether a file is a private key by what it is called. */
export function isSecretName(path: string): boolean {
  return SECRET_NAME.test(path);
}

/** Whether these bytes, the whole of a file, hold a private key. */
export function holdsPrivateKey(bytes: Uint8Array): boolean {
  // PKCS #8 and PKCS #1 in DER begin with a sequence of version 0 or 1 and,
  // in PKCS #8, a sequence, in PKCS #1, an integer.
  const [tag, length, , , integer, size, version, next] = bytes;
  const isDer = tag === 0x30 && length === 0x82 && integer === 0x02 &&
    size === 0x01 && (version ?? 9) <= 1 && (next === 0x30 || next === 0x02);
  if (isDer) return true;
  const isShortDer = tag === 0x30 && bytes[1] === bytes.length - 2 &&
    bytes[2] === 0x02 && bytes[3] === 0x01 && (bytes[4] ?? 9) <= 1 &&
    (bytes[5] === 0x30 || bytes[5] === 0x04);
  return isShortDer ||
    SECRET_TEXT.test(new TextDecoder("latin1").decode(bytes));
}

/**
 * Looks for private keys in small files, once per file while it does not
 * change.
 */
export class PrivateKeyCheck {
  readonly #known = new BoundedMap<string, boolean>(MAX_KNOWN, "forget oldest");

  /**
   * Whether a file holds a private key.
   *
   * @throws FileAccessError and its kind, when it cannot be read
   */
  async finds(
    { path, info }: ArtifactFile,
    fileSystem: Pick<FileSystem, "open">,
  ): Promise<boolean> {
    if (info.sizeBytes === 0 || info.sizeBytes > MAX_KEY_FILE_BYTES) {
      return false;
    }
    const identity = fileIdentity(info);
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    using file = await fileSystem.open(path, { isRegular: true });
    const bytes = new Uint8Array(info.sizeBytes);
    const length = await fillFrom(file, bytes, 0);
    const isSecret = holdsPrivateKey(bytes.subarray(0, length));
    // One that is being written may become a key yet.
    if (fileIdentity(file.info()) === identity) {
      this.#known.set(identity, isSecret);
    }
    return isSecret;
  }
}
