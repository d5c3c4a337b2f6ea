import type { Connection, Libp2p, PeerId, Stream } from "@libp2p/interface";
import { peerIdFromMultihash, peerIdFromString } from "@libp2p/peer-id";
import { type LengthPrefixedStream, lpStream } from "@libp2p/utils";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import * as Digest from "multiformats/hashes/digest";
import { type Clock, deadline } from "../../../core/clock.ts";
import { ok, refuse, type Result } from "../../../core/result.ts";
import {
  type Contact,
  type KadPeer,
  lookUp,
  type LookupStep,
  type PeerAnswer,
} from "../lookup.ts";
import {
  decodeAnswer,
  decodeFetchAnswer,
  encodeFetchRequest,
  encodeRequest,
  type KadAnswer,
  KadCall,
  type KadRequest,
  type WirePeer,
} from "../message.ts";
import { isPublicMultiaddr } from "../../ip_address.ts";
import { hostOf, multiaddrText } from "./addresses.ts";
import { rememberedGroups } from "../peer_groups.ts";
import type { RequestTally } from "../request_tally.ts";
import { failureReason } from "./failure.ts";

/**
 * What is needed of a libp2p node to ask others: no service, no kad-dht.
 */
export type Dialer = Pick<Libp2p, "dial" | "peerId">;

/** How others are asked. */
export interface RequestOptions {
  /** As the other nodes speak it. */
  readonly protocol: string;
  /** Bounds each question. */
  readonly clock: Clock;
  /** Whether private addresses that others name are ignored. @default {false} */
  readonly isAmino?: boolean | undefined;
  /** From dialling to the last byte of an answer. */
  readonly timeoutMs: number;
  /** Counts the requests sent. */
  readonly sent?: RequestTally | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * A longer answer is no answer: dozens may be open at once, of strangers. Ours
 * are 16 KiB at most; go-libp2p's with thousands of providers are within it.
 */
const MAX_ANSWER_BYTES = 1 << 20;
/** Addresses tried of one peer: a hostile node may name any number. */
const MAX_DIALLED = 8;

/**
 * Puts one question to one node and reads its answer.
 *
 * @returns the answer, or why there is none; a node that refuses a record
 * closes the stream, which is all that can be known
 */
export async function requestPeer(
  node: Dialer,
  to: Contact,
  request: KadRequest,
  { protocol, isAmino, clock, timeoutMs, sent, signal }: RequestOptions,
): Promise<Result<PeerAnswer>> {
  using limit = deadline(clock, timeoutMs, { signal });
  let connection: Connection;
  try {
    connection = await node.dial(dialTarget(to), { signal: limit.signal });
  } catch (error) {
    return refuse(failureReason(error));
  }
  try {
    const answer = await exchange(connection, request, {
      ...{ protocol, isAmino, signal: limit.signal },
    });
    sent?.add(request.call, answer.ok);
    return answer;
  } catch (error) {
    sent?.add(request.call, false);
    return refuse(failureReason(error));
  }
}

/** The protocol to read a value from the node that provides it. */
export const FETCH_PROTOCOL = "/libp2p/fetch/0.0.1";
/** A record has 4 KiB: a longer answer is none, and many are read at once. */
const MAX_FETCHED_BYTES = 8 << 10;

/**
 * Reads a key from a provider itself, which proves that it is alive.
 *
 * @param signal bounds its time
 * @returns the value, untrusted
 */
export async function fetchValue(
  node: Dialer,
  from: Contact,
  key: Uint8Array,
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<Uint8Array>> {
  try {
    const connection = await node.dial(dialTarget(from), { signal });
    const stream = await connection.newStream(FETCH_PROTOCOL, { signal });
    try {
      const messages = lpStream(stream, { maxDataLength: MAX_FETCHED_BYTES });
      await messages.write(encodeFetchRequest(key), { signal });
      const bytes = (await messages.read({ signal })).subarray();
      return decodeFetchAnswer(new Uint8Array(bytes));
    } finally {
      stream.abort(new Error("read"));
    }
  } catch (error) {
    return refuse(failureReason(error));
  }
}

/** Puts one question to the nodes nearest to its key, beginning with seeds. */
export function requestNearest(
  node: Dialer,
  seeds: readonly Contact[],
  request: KadRequest,
  options: RequestOptions,
): AsyncIterable<LookupStep> {
  return lookUp({
    ...options,
    key: request.key,
    seeds,
    self: node.peerId.toString(),
    groupOf: rememberedGroups(),
    ask: (to, { signal }) =>
      requestPeer(node, to, request, { ...options, signal }),
  });
}

/**
 * A contact as libp2p dials it: an open connection is used again.
 */
export function dialTarget(to: Contact): Multiaddr[] | PeerId {
  if (typeof to === "string") return [multiaddr(to)];
  if (to.addresses.length === 0) return peerIdFromString(to.id);
  return to.addresses.slice(0, MAX_DIALLED).map((address) =>
    multiaddr(`${address}/p2p/${to.id}`)
  );
}

async function exchange(
  connection: Connection,
  request: KadRequest,
  { protocol, isAmino, signal }: Pick<
    RequestOptions,
    "protocol" | "isAmino" | "signal"
  >,
): Promise<Result<PeerAnswer>> {
  const stream = await connection.newStream(protocol, { signal });
  try {
    const messages = lpStream(stream, { maxDataLength: MAX_ANSWER_BYTES });
    await messages.write(encodeRequest(request), { signal });
    const from: KadPeer = {
      id: connection.remotePeer.toString(),
      multihash: connection.remotePeer.toMultihash().bytes,
      addresses: [],
    };
    const host = hostOf(connection.remoteAddr);
    // ADD_PROVIDER is the one call without an answer (specification, "RPC
    // messages"); closing makes sure that it was at least sent.
    if (request.call === KadCall.addProvider) {
      await stream.close({ signal });
      return ok({ from, host, closer: [], providers: [] });
    }
    const answer = await readAnswer(messages, signal);
    stream.close({ signal }).catch((error) => stream.abort(asError(error)));
    if (!answer.ok) return answer;
    const { closer, providers, ...record } = answer.value;
    return ok({
      from,
      host,
      ...record,
      closer: kadPeers(closer, isAmino),
      providers: kadPeers(providers, isAmino),
    });
  } catch (error) {
    stream.abort(asError(error));
    throw error;
  }
}

/**
 * Asks over a stream which nodes are nearer to a key.
 *
 * @returns what it named, with addresses that can be dialled
 */
export async function askForNearer(
  stream: Stream,
  key: Uint8Array,
  { isAmino, signal }: Pick<RequestOptions, "isAmino" | "signal">,
): Promise<Result<KadPeer[]>> {
  const messages = lpStream(stream, { maxDataLength: MAX_ANSWER_BYTES });
  const request = encodeRequest({ call: KadCall.findNode, key });
  await messages.write(request, { signal });
  const answer = await readAnswer(messages, signal);
  return answer.ok ? ok(kadPeers(answer.value.closer, isAmino)) : answer;
}

/** Reads one answer from a stream, as untrusted as the peer. */
export async function readAnswer(
  messages: Pick<LengthPrefixedStream, "read">,
  signal: AbortSignal,
): Promise<Result<KadAnswer>> {
  const bytes = (await messages.read({ signal })).subarray();
  // Not Node's Buffer, whose views share what is used again elsewhere.
  return decodeAnswer(new Uint8Array(bytes));
}

/** The peers with a valid id, and their addresses that can be dialled. */
function kadPeers(peers: readonly WirePeer[], isAmino = false): KadPeer[] {
  return peers.flatMap((peer) => {
    try {
      const id = peerIdFromMultihash(Digest.decode(peer.multihash)).toString();
      const addresses = peer.addresses.map(multiaddrText)
        .filter((text) => text !== undefined)
        .filter((text) => !isAmino || isPublicMultiaddr(text));
      return [{ id, multihash: peer.multihash, addresses }];
    } catch {
      return []; // no peer id: nobody could answer to it
    }
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
