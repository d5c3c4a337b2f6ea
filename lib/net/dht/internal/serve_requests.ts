import type { Connection, Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { type Clock, deadline, sleep } from "../../../core/clock.ts";
import type { Result } from "../../../core/result.ts";
import { hostKey, rememberedGroups } from "../peer_groups.ts";
import { hostOf } from "./addresses.ts";
import { HostPace } from "./host_pace.ts";
import type { Asker } from "./request_answers.ts";

/** As rust-libp2p: no request that means anything is longer. */
const MAX_REQUEST_BYTES = 16 << 10;
/** How long a stream waits for its next request, and a request to be sent. */
const IDLE_MS = 10_000;
/** A host that is so far over its rate is refused. */
const MAX_WAIT_MS = 3000;
/** Open at once of one host; kad-dht allows 32 of one connection. */
const MAX_STREAMS_OF_HOST = 256;

/** Answers one request; a refusal resets the stream. */
export type AnswerOne = (
  bytes: Uint8Array,
  asker: Asker,
  connection: Connection,
) => Promise<Result<Uint8Array | undefined>>;

/** Takes a stream, until that ends. */
export type ServeStream = (
  stream: Stream,
  connection: Connection,
) => Promise<void>;

/** What requests are served with. */
export interface ServeOptions {
  /** Bounds streams, and how much one host is answered. */
  readonly clock: Clock;
  /** Ends all streams. */
  readonly signal: AbortSignal;
}

/**
 * Serves the requests of others: each host at a bounded rate and with a bounded
 * number of streams, over all protocols.
 *
 * @returns serves the requests of one protocol
 */
export function serveRequests(
  { clock, signal }: ServeOptions,
): (answer: AnswerOne) => ServeStream {
  const pace = new HostPace();
  const open = new Map<string, number>();
  const keyOf = rememberedGroups(hostKey);
  const wait = async (host: string) => {
    const delayMs = pace.delayMs(host, clock.monotonic());
    if (delayMs > MAX_WAIT_MS) throw new Error("too many requests");
    if (delayMs > 0) await sleep(clock, delayMs, { signal });
  };
  const serve = async (
    stream: Stream,
    host: string,
    answer: (bytes: Uint8Array) => ReturnType<AnswerOne>,
  ) => {
    const messages = lpStream(stream, { maxDataLength: MAX_REQUEST_BYTES });
    while (stream.readStatus === "readable") {
      using limit = deadline(clock, IDLE_MS, { signal });
      const bytes = (await messages.read({ signal: limit.signal })).subarray();
      await wait(host);
      // Not Node's Buffer, whose views share what is used again elsewhere.
      const answered = await answer(new Uint8Array(bytes));
      if (!answered.ok) throw new Error(answered.reason);
      if (answered.value === undefined) continue;
      await messages.write(answered.value, { signal: limit.signal });
    }
  };
  return (answer) => async (stream, connection) => {
    const host = keyOf(hostOf(connection.remoteAddr));
    const count = open.get(host) ?? 0;
    if (count >= MAX_STREAMS_OF_HOST) {
      stream.abort(new Error("too many streams"));
      return;
    }
    open.set(host, count + 1);
    const { remotePeer } = connection;
    const asker = {
      origin: { host, peer: remotePeer.toString() },
      multihash: remotePeer.toMultihash().bytes,
    };
    try {
      await serve(stream, host, (bytes) => answer(bytes, asker, connection));
      using limit = deadline(clock, IDLE_MS, { signal });
      await stream.close({ signal: limit.signal });
    } catch (error) {
      await end(stream, error);
    } finally {
      const left = (open.get(host) ?? 1) - 1;
      if (left > 0) open.set(host, left);
      else open.delete(host);
    }
  };
}

/** One that has ended is closed, so that what was answered arrives. */
async function end(stream: Stream, error: unknown): Promise<void> {
  if (error instanceof Error && error.name === "UnexpectedEOFError") {
    await stream.close().catch(() => {});
  }
  stream.abort(error instanceof Error ? error : new Error(String(error)));
}
