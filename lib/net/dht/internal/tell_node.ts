import type { Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { deadline } from "../../../core/clock.ts";
import { ok, refuse, type Result } from "../../../core/result.ts";
import type { Contact } from "../contact.ts";
import { encodeRequest, KadCall, type KadRequest } from "../message.ts";
import { failureReason } from "./failure.ts";
import {
  type Dialer,
  dialTarget,
  readAnswer,
  type RequestOptions,
} from "./request.ts";

/** One thing that a node is told: PUT_VALUE or ADD_PROVIDER. */
export interface Message {
  /** What is sent. */
  readonly request: KadRequest;
  /** Called once: whether the node was told, or has said that it keeps it. */
  readonly onTold: (result: Result<void>) => void;
}

type OpenStream = (signal: AbortSignal) => Promise<Stream>;

/** Requests that are on their way before an answer has come. */
const WINDOW = 8;
/** Providers told by one stream: a node that refuses one drops the others. */
const MAX_PROVIDERS = 100;
/** Streams without an answer, one after the other: the rest would have none. */
const MAX_REFUSALS = 4;
/** How long a node has to say that it has read what has no answer. */
const END_GRACE_MS = 1000;
/** As `failureReason` has it. */
const SILENT = "no answer in time";
/** An answer holds one record, of 4 KiB. */
const MAX_ANSWER_BYTES = 16 << 10;

/**
 * Tells one node many things, over one connection and a stream for each kind:
 * libp2p's Kademlia allows several requests on a stream, one after the other
 * (https://github.com/libp2p/specs/blob/master/kad-dht/README.md#rpc-messages).
 * A node refuses by resetting the stream, which says neither what it has refused
 * nor why: what it has not answered is sent anew, each by a stream of its own.
 *
 * @returns whether the node can be reached at all
 */
export async function tellNode(
  node: Dialer,
  to: Contact,
  messages: readonly Message[],
  options: RequestOptions,
): Promise<boolean> {
  const open: OpenStream = async (signal) => {
    // One that is open is used again; of two with a node one may be closed.
    const connection = await node.dial(dialTarget(to), { signal });
    return await connection.newStream(options.protocol, { signal });
  };
  const { clock, timeoutMs, signal } = options;
  using limit = deadline(clock, timeoutMs, { signal });
  try {
    await node.dial(dialTarget(to), limit);
  } catch (error) {
    const failed = refuse(failureReason(error));
    for (const { onTold } of messages) onTold(failed);
    return false;
  }
  const values = messages.filter((one) => !isOfProvider(one));
  await Promise.all([
    tellProviders(open, messages.filter(isOfProvider), options),
    tellValues(open, values, options),
  ]);
  return true;
}

function isOfProvider({ request }: Message): boolean {
  return request.call === KadCall.addProvider;
}

async function tellProviders(
  open: OpenStream,
  messages: readonly Message[],
  options: RequestOptions,
): Promise<void> {
  for (let at = 0; at < messages.length; at += MAX_PROVIDERS) {
    const some = messages.slice(at, at + MAX_PROVIDERS);
    const sent = await sendProviders(open, some, options);
    for (const one of some) {
      const alone = sent.ok || some.length === 1
        ? sent
        : await sendProviders(open, [one], options);
      one.onTold(alone);
    }
  }
}

/** @returns whether the node has not reset the stream */
async function sendProviders(
  open: OpenStream,
  messages: readonly Message[],
  { clock, timeoutMs, sent, signal }: RequestOptions,
): Promise<Result<void>> {
  using limit = deadline(clock, timeoutMs, { signal });
  const told = (isTold: boolean) => {
    for (const { request } of messages) sent?.add(request.call, isTold);
  };
  try {
    const stream = await open(limit.signal);
    const lp = lpStream(stream, { maxDataLength: MAX_ANSWER_BYTES });
    await lp.writeV(messages.map(bytesOf), limit);
    await stream.close(limit);
    // ADD_PROVIDER has no answer, but a node that has read all ends its side.
    using grace = deadline(clock, END_GRACE_MS, limit);
    await lp.read(grace).catch(() => {});
    const isReset = ["reset", "aborted"].includes(stream.status);
    told(!isReset);
    return isReset ? refuse("it closed the connection") : ok(undefined);
  } catch (error) {
    told(false);
    return refuse(failureReason(error));
  }
}

async function tellValues(
  open: OpenStream,
  messages: readonly Message[],
  options: RequestOptions,
): Promise<void> {
  let next = 0;
  let refusals = 0;
  /** Which had no answer the last time. */
  let refused = -1;
  let ofStream = messages.length;
  while (next < messages.length) {
    const some = messages.slice(next, next + ofStream);
    const { answered, isEnded, reason } = await sendValues(
      open,
      some,
      options,
    );
    next += answered;
    if (answered === some.length) continue;
    // A node that takes one request of a stream ends it after its answer.
    if (answered === 1 && isEnded) ofStream = 1;
    refusals = answered > 0 ? 0 : refusals + 1;
    // One retry, in case it was the connection.
    const isAgain = refused === next;
    refused = next;
    if (answered > 0 || (!isAgain && reason !== SILENT)) continue;
    const isLast = reason === SILENT || refusals >= MAX_REFUSALS;
    const those = isLast ? messages.slice(next) : some.slice(0, 1);
    for (const { onTold } of those) onTold(refuse(reason));
    next += those.length;
  }
}

/** What came of a stream: how many were answered, and why no more. */
interface Sent {
  readonly answered: number;
  /** Whether the node has ended the stream, and not reset it. */
  readonly isEnded: boolean;
  readonly reason: string;
}

async function sendValues(
  open: OpenStream,
  messages: readonly Message[],
  { clock, timeoutMs, sent, signal }: RequestOptions,
): Promise<Sent> {
  let answered = 0;
  let stream: Stream | undefined = undefined;
  try {
    using opening = deadline(clock, timeoutMs, { signal });
    stream = await open(opening.signal);
    const lp = lpStream(stream, { maxDataLength: MAX_ANSWER_BYTES });
    while (answered < messages.length) {
      using limit = deadline(clock, timeoutMs, { signal });
      const some = messages.slice(answered, answered + WINDOW);
      await lp.writeV(some.map(bytesOf), limit);
      for (const { request, onTold } of some) {
        const answer = await readAnswer(lp, limit.signal);
        sent?.add(request.call, answer.ok);
        answered++;
        onTold(answer.ok ? ok(undefined) : answer);
      }
    }
    const done = stream;
    done.close().catch((error) => done.abort(error));
    return { answered, isEnded: true, reason: "" };
  } catch (error) {
    const isEnded = stream !== undefined && stream.status !== "reset";
    stream?.abort(error instanceof Error ? error : new Error(String(error)));
    const refused = messages[answered];
    if (refused !== undefined && !isEnded) {
      sent?.add(refused.request.call, false);
    }
    return { answered, isEnded, reason: failureReason(error) };
  }
}

function bytesOf({ request }: Message): Uint8Array {
  return encodeRequest(request);
}
