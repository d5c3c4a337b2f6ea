import { createPrivateKey, sign } from "node:crypto";
import {
  generateKeyPair,
  generateKeyPairFromSeed,
  privateKeyFromProtobuf,
} from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import {
  pemBody,
  pemText,
  privateKeyDer,
  seedOfDer,
} from "../../core/ed25519_pem.ts";
import { UserError } from "../../core/errors.ts";
import {
  FileNotFoundError,
  type FileSystem,
  SystemLimitError,
} from "../../core/file_system.ts";
import { messageOf } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { isOfSmallOrder } from "../../core/small_order.ts";

/**
 * The identity of a DHT node: an Ed25519 key pair, whose public half is the
 * peer id.
 */
export interface Identity {
  /** Base58, such as `12D3KooW...`. */
  readonly peerId: string;
  /**
   * In libp2p's form.
   *
   * @internal for this room
   */
  readonly privateKey: Ed25519PrivateKey;
  /** Ed25519 signature (RFC 8032), 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

const SEED_BYTES = 32;
/** Larger files are no key, and are not read. */
const MAX_KEY_FILE_BYTES = 4096;
/** Read, write and execute for group and others. */
const GROUP_AND_OTHERS = 0o077;

/** Makes a new identity. */
export async function createIdentity(): Promise<Identity> {
  return identityOf(await generateKeyPair("Ed25519"));
}

/**
 * Reads a private key: 32 raw bytes (what the Rust Phase daemon keeps),
 * libp2p's protobuf, or a PKCS#8 PEM (what openssl writes).
 */
export async function parseIdentity(
  bytes: Uint8Array,
): Promise<Result<Identity>> {
  if (bytes.length === SEED_BYTES) return ok(await identityOfSeed(bytes));
  const text = new TextDecoder("latin1").decode(bytes);
  const pem = pemBody(text, "PRIVATE KEY");
  if (pem !== undefined) return await parsePkcs8(pem);
  try {
    const key = privateKeyFromProtobuf(bytes);
    return key.type === "Ed25519"
      ? ok(identityOf(key))
      : refuse(`it holds a key of type ${key.type}, expected Ed25519`);
  } catch {
    return refuse(
      "it is not an Ed25519 private key: neither 32 raw bytes, nor libp2p protobuf, nor PKCS#8 PEM",
    );
  }
}

/**
 * The identity kept in a file; made there, readable by the owner only, when
 * the file does not exist yet.
 *
 * @throws UserError when the file holds no usable key, others may read it, or
 * none can be written
 * @throws FileAccessError when it cannot be read
 */
export async function loadOrCreateIdentity(
  fileSystem: FileSystem,
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<Identity> {
  signal.throwIfAborted();
  const existing = await loadIdentity(fileSystem, path);
  if (existing !== undefined) return existing;
  const identity = await createIdentity();
  const seed = identity.privateKey.raw.slice(0, SEED_BYTES);
  const directory = path.slice(0, path.lastIndexOf("/"));
  signal.throwIfAborted();
  try {
    if (directory !== "") await fileSystem.makeDirectory(directory, 0o700);
    const options = { mode: 0o600, ifAbsent: true };
    if (await fileSystem.writeAtomically(path, seed, options)) return identity;
  } catch (error) {
    if (error instanceof SystemLimitError) throw error; // which passes
    throw new UserError(
      `Cannot keep a new DHT identity: ${messageOf(error)}`,
      { cause: error },
    );
  }
  // Another process made it in the meantime: both must be the same peer.
  const made = await loadIdentity(fileSystem, path);
  if (made === undefined) {
    throw new UserError(
      `Cannot keep the DHT identity in "${path}": it is gone`,
    );
  }
  return made;
}

/** Whether `signature` is by the Ed25519 key that a peer id holds. */
export async function verifyPeerSignature(
  peerId: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): Promise<Result<void>> {
  let valid = false;
  try {
    const peer = peerIdFromString(peerId);
    if (peer.type !== "Ed25519") {
      return refuse("peer_id is not that of an Ed25519 key");
    }
    // A peer id has several spellings; with one slot per peer, only one may
    // count.
    if (peer.toString() !== peerId) return refuse("peer_id is not canonical");
    if (isOfSmallOrder(peer.publicKey.raw)) {
      return refuse("peer_id is that of a key that anybody can sign for");
    }
    valid = await peer.publicKey.verify(bytes, signature);
  } catch {
    return refuse("peer_id is malformed");
  }
  return valid ? ok(undefined) : refuse("signature is not by peer_id");
}

async function loadIdentity(
  fileSystem: FileSystem,
  path: string,
): Promise<Identity | undefined> {
  let bytes: Uint8Array;
  try {
    using file = await fileSystem.open(path);
    const { mode } = file.info();
    if ((mode & GROUP_AND_OTHERS) !== 0) {
      throw new UserError(
        `Cannot use the DHT identity "${path}": others may read it (mode ${
          (mode & 0o777).toString(8)
        }), run: chmod 600 "${path}"`,
      );
    }
    const buffer = new Uint8Array(MAX_KEY_FILE_BYTES);
    bytes = buffer.subarray(0, await file.readAt(buffer, 0));
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
  if (bytes.length === 0) {
    throw new UserError(
      `Cannot use the DHT identity "${path}": it is empty: restore it, since others may name the peer id that was in it; delete it to have a new one made`,
    );
  }
  const identity = await parseIdentity(bytes);
  if (identity.ok) return identity.value;
  throw new UserError(
    `Cannot use the DHT identity "${path}": ${identity.reason}; move it away to have a new one made`,
  );
}

async function parsePkcs8(base64: string): Promise<Result<Identity>> {
  let der: Uint8Array;
  try {
    der = Uint8Array.fromBase64(base64);
  } catch {
    return refuse("its PEM is not base64");
  }
  const seed = seedOfDer(der);
  return seed === undefined
    ? refuse("its PEM holds no Ed25519 key")
    : ok(await identityOfSeed(seed));
}

async function identityOfSeed(seed: Uint8Array): Promise<Identity> {
  return identityOf(await generateKeyPairFromSeed("Ed25519", seed));
}

/**
 * Signs by node:crypto, with a key that is read once: libp2p reads its own anew
 * for each signature, which takes three times as long, and a provider of ten
 * thousand images signs as many records.
 */
function identityOf(privateKey: Ed25519PrivateKey): Identity {
  const seed = privateKey.raw.subarray(0, SEED_BYTES);
  const key = createPrivateKey(pemText("PRIVATE KEY", privateKeyDer(seed)));
  return {
    peerId: privateKey.publicKey.toString(),
    privateKey,
    sign: (bytes) => Promise.resolve(new Uint8Array(sign(null, bytes, key))),
  };
}
