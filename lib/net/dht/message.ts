import { createHash } from "node:crypto";
import { concat } from "uint8arrays/concat";
import { ok, refuse, type Result } from "../../core/result.ts";
import {
  allBytes,
  decodeFields,
  field,
  type Fields,
  firstBytes,
} from "./internal/protobuf.ts";

/**
 * The remote procedure calls of libp2p's Kademlia: `Message.MessageType` of
 * https://github.com/libp2p/specs/blob/master/kad-dht/README.md#rpc-messages.
 */
export const KadCall = {
  putValue: 0,
  getValue: 1,
  addProvider: 2,
  getProviders: 3,
  findNode: 4,
  /**
   * Not sent by other implementations any more; go and js answer it with what
   * they are sent. Our nodes tell their time in the answer.
   */
  ping: 5,
} as const;

/** The number of a call on the wire. */
export type KadCall = typeof KadCall[keyof typeof KadCall];

/** `Message.Peer`: a node as others name it. */
export interface WirePeer {
  /** The peer id's multihash. */
  readonly multihash: Uint8Array;
  /** Binary multiaddrs. */
  readonly addresses: readonly Uint8Array[];
}

/** What is sent to a node. */
export interface KadRequest {
  readonly call: KadCall;
  /** The record's key, a peer's multihash, or a CID's multihash. */
  readonly key: Uint8Array;
  /** The record to store, as `encodeRecord` makes it. */
  readonly record?: Uint8Array;
  /** The provider of the key, for `addProvider`. */
  readonly provider?: WirePeer;
}

/** The answer of a node. */
export interface KadAnswer {
  /** The value it keeps under the key. */
  readonly value?: Uint8Array;
  /** When that came, by the clock of the node: milliseconds since 1970. */
  readonly receivedAtMs?: number;
  /** Nodes it knows nearer to the key. */
  readonly closer: readonly WirePeer[];
  /** Nodes that said they provide the key. */
  readonly providers: readonly WirePeer[];
}

/** What is received of a node that asks. */
export interface ReceivedRequest {
  readonly call: number;
  /** As in `KadRequest`. */
  readonly key: Uint8Array;
  /** The record to store. */
  readonly record?: DecodedRecord;
  /** The alleged providers of the key. */
  readonly providers: readonly WirePeer[];
}

/** What of a record is read. */
export interface DecodedRecord {
  /** What it is kept under. */
  readonly key: Uint8Array;
  /** What it says. */
  readonly value: Uint8Array;
  /** When it came to the node that has it, by its clock. */
  readonly receivedAtMs?: number;
}

/** What is answered to a request. */
export interface AnswerParts {
  readonly request: Pick<ReceivedRequest, "call" | "key">;
  /** As `encodeRecord` makes it. */
  readonly record?: Uint8Array | undefined;
  /** Nodes nearer to the key, the nearest first. */
  readonly closer?: readonly WirePeer[];
  /** Nodes that provide the key, in the order to ask them. */
  readonly providers?: readonly WirePeer[];
}

/** Field numbers of `Message`. */
const MESSAGE = {
  type: 1,
  key: 2,
  record: 3,
  closer: 8,
  providers: 9,
  clusterLevel: 10,
} as const;
/** Field numbers of `Record`; `ttlSeconds` is rust-libp2p's own. */
const RECORD = { key: 1, value: 2, timeReceived: 5, ttlSeconds: 777 } as const;
/** Field numbers of `Message.Peer`. */
const PEER = { id: 1, addresses: 2 } as const;

/** Field numbers of fetch's request, and of its answer. */
const FETCH = { identifier: 1, status: 1, data: 2 } as const;
/** `FetchResponse.StatusCode.OK`. */
const FETCH_OK = 0;
/** `FetchResponse.StatusCode.NOT_FOUND`. */
const FETCH_NOT_FOUND = 1;

/** Peers read from one answer; a node that names more has no honest reason. */
const MAX_PEERS = 256;
/** Addresses read of one peer. */
const MAX_ADDRESSES = 16;

/** Bytes of one address: a TCP port of a host name of 253 characters fits. */
const MAX_ADDRESS_BYTES = 300;
/** An answer of ours is no longer: rust-libp2p reads no more. */
const MAX_ANSWER_BYTES = 16 << 10;
/** What the nearer nodes may take of it, so that providers find room. */
const MAX_CLOSER_BYTES = 6 << 10;
/** How many addresses of one peer are sent. */
const MAX_TOLD_ADDRESSES = 8;

/** SHA-256 and its length in bytes, as a multihash begins. */
const SHA2_256 = [0x12, 0x20] as const;

/**
 * What the providers of a key are found under: the multihash of its CID
 * (version 1, raw, SHA-256).
 */
export function keyMultihash(key: Uint8Array): Uint8Array {
  return Uint8Array.of(...SHA2_256, ...sha256(key));
}

/** The place of bytes in the key space. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** Bytes of a request, without the length prefix. */
export function encodeRequest(request: KadRequest): Uint8Array {
  return concat([
    ...field(MESSAGE.type, request.call),
    ...field(MESSAGE.key, request.key),
    ...field(MESSAGE.record, request.record),
    ...field(
      MESSAGE.providers,
      request.provider && encodePeer(request.provider),
    ),
    // go-libp2p once took 0 for "unset": the level is sent plus one.
    ...field(MESSAGE.clusterLevel, 1),
  ]);
}

/**
 * Reads an answer. Peers that are malformed are left out, since one bad entry
 * must not hide the good ones; a message that is malformed is refused.
 */
export function decodeAnswer(bytes: Uint8Array): Result<KadAnswer> {
  const message = decodeFields(bytes);
  if (message === undefined) return refuse("malformed Kademlia message");
  const recordBytes = firstBytes(message, MESSAGE.record);
  const record = recordBytes && decodeRecord(recordBytes);
  return ok({
    ...record !== undefined && { value: record.value },
    ...record?.receivedAtMs !== undefined &&
      { receivedAtMs: record.receivedAtMs },
    closer: decodePeers(message, MESSAGE.closer),
    providers: decodePeers(message, MESSAGE.providers),
  });
}

/**
 * Bytes of a record, as nodes send and keep it.
 *
 * @param receivedAtMs wall clock, for the nodes that drop old records by it
 */
export function encodeRecord(
  { key, value, ttlSeconds, receivedAtMs }: {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
    readonly ttlSeconds: number;
    readonly receivedAtMs: number;
  },
): Uint8Array {
  const received = new TextEncoder().encode(
    new Date(receivedAtMs).toISOString(),
  );
  return concat([
    ...field(RECORD.key, key),
    ...field(RECORD.value, value),
    ...field(RECORD.timeReceived, received),
    // Without it rust-libp2p keeps a value for two days and replicates it.
    ...field(RECORD.ttlSeconds, ttlSeconds),
  ]);
}

/**
 * Reads a request. Peers that are malformed are left out.
 */
export function decodeRequest(bytes: Uint8Array): Result<ReceivedRequest> {
  const message = decodeFields(bytes);
  const call = message?.get(MESSAGE.type)?.[0] ?? KadCall.putValue;
  const key = message && firstBytes(message, MESSAGE.key);
  if (message === undefined || typeof call !== "number" || !key?.length) {
    return refuse("malformed Kademlia message");
  }
  const recordBytes = firstBytes(message, MESSAGE.record);
  const record = recordBytes && decodeRecord(recordBytes);
  return ok({
    call,
    key,
    ...record !== undefined && { record },
    providers: decodePeers(message, MESSAGE.providers),
  });
}

/**
 * Bytes of an answer, without the length prefix: at most 16 KiB, with as many
 * of the peers as find room.
 */
export function encodeAnswer(
  { request, record, closer = [], providers = [] }: AnswerParts,
): Uint8Array {
  const head = concat([
    ...field(MESSAGE.type, request.call),
    ...field(MESSAGE.key, request.key),
    ...field(MESSAGE.record, record),
    ...field(MESSAGE.clusterLevel, 1),
  ]);
  const near = peerFields(MESSAGE.closer, closer, MAX_CLOSER_BYTES);
  const room = MAX_ANSWER_BYTES - head.length - near.length;
  return concat([head, near, peerFields(MESSAGE.providers, providers, room)]);
}

/** Bytes of a request of `/libp2p/fetch/0.0.1`, without the length prefix. */
export function encodeFetchRequest(key: Uint8Array): Uint8Array {
  return concat(field(FETCH.identifier, key));
}

/** The key that a request of `/libp2p/fetch/0.0.1` asks for. */
export function decodeFetchRequest(bytes: Uint8Array): Result<Uint8Array> {
  const request = decodeFields(bytes);
  const key = request && firstBytes(request, FETCH.identifier);
  return key === undefined ? refuse("malformed request") : ok(key);
}

/**
 * Bytes of an answer of `/libp2p/fetch/0.0.1`, without the length prefix.
 *
 * @param value undefined: there is none under the key
 */
export function encodeFetchAnswer(value: Uint8Array | undefined): Uint8Array {
  return concat([
    ...field(FETCH.status, value === undefined ? FETCH_NOT_FOUND : FETCH_OK),
    ...field(FETCH.data, value),
  ]);
}

/**
 * Reads an answer of `/libp2p/fetch/0.0.1`
 * (https://github.com/libp2p/specs/blob/master/fetch/README.md).
 */
export function decodeFetchAnswer(bytes: Uint8Array): Result<Uint8Array> {
  const answer = decodeFields(bytes);
  if (answer === undefined) return refuse("malformed answer");
  const status = answer.get(FETCH.status)?.[0] ?? FETCH_OK;
  return status === FETCH_OK
    ? ok(firstBytes(answer, FETCH.data) ?? new Uint8Array())
    : refuse("it no longer provides it");
}

/** Key and value of a record, or undefined when it is malformed. */
export function decodeRecord(bytes: Uint8Array): DecodedRecord | undefined {
  const record = decodeFields(bytes);
  const key = record && firstBytes(record, RECORD.key);
  const value = record && firstBytes(record, RECORD.value);
  if (record === undefined || !key || !value) return undefined;
  const received = firstBytes(record, RECORD.timeReceived);
  const receivedAtMs = Date.parse(new TextDecoder().decode(received));
  return {
    key,
    value,
    ...!Number.isNaN(receivedAtMs) && { receivedAtMs },
  };
}

function encodePeer(peer: WirePeer): Uint8Array {
  return concat([
    ...field(PEER.id, peer.multihash),
    ...peer.addresses.flatMap((address) => field(PEER.addresses, address)),
  ]);
}

/** As many of the peers as take no more than `room` bytes. */
function peerFields(
  number: number,
  peers: readonly WirePeer[],
  room: number,
): Uint8Array {
  const chosen: Uint8Array[] = [];
  let left = room;
  for (const { multihash, addresses } of peers) {
    const told = addresses.slice(0, MAX_TOLD_ADDRESSES);
    const bytes = concat(
      field(number, encodePeer({ multihash, addresses: told })),
    );
    if (bytes.length > left) continue;
    left -= bytes.length;
    chosen.push(bytes);
  }
  return concat(chosen);
}

function decodePeers(message: Fields, number: number): WirePeer[] {
  const peers: WirePeer[] = [];
  for (const bytes of allBytes(message, number).slice(0, MAX_PEERS)) {
    const peer = decodeFields(bytes);
    const multihash = peer && firstBytes(peer, PEER.id);
    if (peer === undefined || multihash === undefined) continue;
    const addresses = allBytes(peer, PEER.addresses)
      .filter(({ length }) => length <= MAX_ADDRESS_BYTES)
      .slice(0, MAX_ADDRESSES);
    peers.push({ multihash, addresses });
  }
  return peers;
}
