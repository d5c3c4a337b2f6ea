import type { Clock } from "../../../core/clock.ts";
import { ok, refuse, type Result } from "../../../core/result.ts";
import {
  type DecodedRecord,
  decodeFetchRequest,
  decodeRequest,
  encodeAnswer,
  encodeFetchAnswer,
  encodeRecord,
  KadCall,
  type ReceivedRequest,
  type WirePeer,
} from "../message.ts";
import type { PeerConnection } from "../node_options.ts";
import type { RecordRules } from "../record_rules.ts";
import type { RequestTally } from "../request_tally.ts";
import { toldAddresses } from "./addresses.ts";
import type { NodeStore } from "./node_store.ts";
import type { ProviderStore } from "./provider_store.ts";
import type { Origin } from "./quota_map.ts";
import type { ValueStore } from "./value_store.ts";

/** The peer that sent a request. */
export interface Asker {
  /** As proven by the encrypted channel and the address at its other end. */
  readonly origin: Origin;
  /** The bytes of its peer id. */
  readonly multihash: Uint8Array;
}

/** What a node's answers are made from. */
export interface AnswerSources {
  /** Decides which values are kept. */
  readonly policy: Pick<RecordRules, "namespace" | "accept">;
  /** Whether this is the public DHT of IPFS. @default {false} */
  readonly isAmino?: boolean | undefined;
  /** What is kept. */
  readonly values: ValueStore;
  /** The entries of other providers. */
  readonly providers: ProviderStore;
  /** The node itself, where it provides the key. */
  readonly ownEntry: (multihash: Uint8Array) => WirePeer | undefined;
  /** For nodes that ask for the time. */
  readonly clock: Pick<Clock, "now">;
  /** Counts what was asked. */
  readonly tally: RequestTally;
  /** The nodes nearest to a key, without the asker. */
  readonly closer: (key: Uint8Array, asker: Asker) => Promise<WirePeer[]>;
}

/** As go-libp2p-kad-dht: a multihash is no longer. */
const MAX_MULTIHASH_BYTES = 80;
/** Names of images are shorter. */
const MAX_KEY_BYTES = 256;

/**
 * Answers one request of libp2p's Kademlia
 * (https://github.com/libp2p/specs/blob/master/kad-dht/README.md#rpc-messages).
 * kad-dht could, but it does not tell its store which peer asks, so that shares
 * could not be enforced; it keeps as many addresses of a provider as are named,
 * fails for all providers of a key when it has lost one, and answers a record
 * that it did not keep as if it had.
 *
 * @param bytes untrusted, without the length prefix
 * @returns the answer; undefined for a call that has none; or why the stream is
 * to be reset, which is how a refusal is told
 */
export async function answerRequest(
  bytes: Uint8Array,
  asker: Asker,
  sources: AnswerSources,
): Promise<Result<Uint8Array | undefined>> {
  const request = decodeRequest(bytes);
  const answered = request.ok
    ? await answer(request.value, asker, sources)
    : request;
  const call = request.ok ? request.value.call : undefined;
  sources.tally.add(call, answered.ok);
  return answered;
}

/**
 * Answers one request of `/libp2p/fetch/0.0.1`. The library of that name does
 * not say over which connection is asked.
 *
 * @param bytes untrusted, without the length prefix
 * @param ends of the connection
 */
export async function answerFetch(
  bytes: Uint8Array,
  ends: PeerConnection | undefined,
  store: Pick<NodeStore, "read">,
): Promise<Result<Uint8Array>> {
  const key = decodeFetchRequest(bytes);
  return key.ok
    ? ok(encodeFetchAnswer(await store.read(key.value, ends)))
    : key;
}

async function answer(
  request: ReceivedRequest,
  asker: Asker,
  sources: AnswerSources,
): Promise<Result<Uint8Array | undefined>> {
  const { key } = request;
  switch (request.call) {
    case KadCall.putValue:
      return await keepValue(request, asker, sources);
    case KadCall.getValue: {
      const closer = await sources.closer(key, asker);
      const record = sources.values.record(key);
      return ok(encodeAnswer({ request, record, closer }));
    }
    case KadCall.addProvider:
      return keepProvider(request, asker, sources);
    case KadCall.getProviders: {
      const own = sources.ownEntry(key);
      const others = sources.providers.of(key);
      const providers = own === undefined ? others : [own, ...others];
      const closer = await sources.closer(key, asker);
      return ok(encodeAnswer({ request, closer, providers }));
    }
    case KadCall.findNode: {
      const closer = await sources.closer(key, asker);
      return ok(encodeAnswer({ request, closer }));
    }
    case KadCall.ping: {
      const receivedAtMs = sources.clock.now();
      const nothing = { key, value: new Uint8Array(), ttlSeconds: 0 };
      const record = encodeRecord({ ...nothing, receivedAtMs });
      return ok(encodeAnswer({ request, record }));
    }
    default:
      return refuse("unknown call");
  }
}

async function keepValue(
  request: ReceivedRequest,
  { origin }: Asker,
  { policy, values, isAmino }: AnswerSources,
): Promise<Result<Uint8Array>> {
  const { key, record } = request;
  if (isAmino) return refuse("values of the public DHT are not kept here");
  if (record === undefined || !isOfKey(record, key)) {
    return refuse("no record of the key");
  }
  const name = new TextDecoder().decode(key);
  if (!name.startsWith(`/${policy.namespace}/`)) {
    return refuse("key of another namespace");
  }
  const accepted = await policy.accept(name, record.value);
  if (!accepted.ok) return accepted;
  // Copies, or the whole request would be kept.
  const kept = values.put(key.slice(), record.value.slice(), origin);
  if (!kept.ok) return kept;
  return ok(encodeAnswer({
    request,
    record: values.record(key) ?? encodeRecord({
      ...record,
      ttlSeconds: 0,
      receivedAtMs: 0,
    }),
  }));
}

function isOfKey(record: DecodedRecord, key: Uint8Array): boolean {
  return key.length <= MAX_KEY_BYTES && record.key.length === key.length &&
    record.key.every((byte, i) => byte === key[i]);
}

function keepProvider(
  { key, providers }: ReceivedRequest,
  { origin, multihash }: Asker,
  { providers: store, isAmino }: AnswerSources,
): Result<undefined> {
  if (key.length > MAX_MULTIHASH_BYTES) return refuse("no multihash");
  const said = providers.find((peer) =>
    peer.multihash.length === multihash.length &&
    peer.multihash.every((byte, i) => byte === multihash[i])
  );
  if (said === undefined) return refuse("provider is not the asker");
  const addresses = toldAddresses(said.addresses, isAmino);
  if (addresses.length === 0) return refuse("no address that can be dialled");
  return store.add(key, { multihash, addresses }, origin)
    ? ok(undefined)
    : refuse("no room for it");
}
