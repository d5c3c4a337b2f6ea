import { bytesAnswer } from "../../lib/net/http1/answers.ts";
import {
  HttpConnection,
  type HttpConnectionParts,
} from "../../lib/net/http1/connection.ts";
import type {
  BytesAnswer,
  LentAnswer,
  LentBody,
} from "../../lib/net/http1/handler.ts";
import { FakeClock } from "./fake_clock.ts";
import { MemoryConnection } from "./memory_connection.ts";

/** Short, and all different. */
const TIMEOUTS = { headMs: 1000, idleMs: 5000, stallMs: 3000 };
/** A request. */
export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A connection, and what a test needs to play its client. */
export interface ConnectionBench {
  readonly connection: MemoryConnection;
  readonly clock: FakeClock;
  readonly http: HttpConnection;
  readonly ended: Promise<void>;
  /** Lets time pass, with the regular look at the deadline. */
  pass(durationMs: number): Promise<void>;
}

/** Runs a connection that answers everything with `answer`. */
export function openConnection(
  parts: Partial<HttpConnectionParts> = {},
): ConnectionBench {
  const connection = new MemoryConnection();
  const clock = new FakeClock();
  const http = new HttpConnection({
    connection,
    client: "10.0.0.7",
    serverUrl: "http://10.0.0.1:8080",
    clock,
    timeouts: TIMEOUTS,
    date: () => "DATE",
    respond: () => answerOf("answer"),
    isDraining: () => false,
    ...parts,
  });
  return {
    connection,
    clock,
    http,
    ended: http.run(),
    async pass(durationMs) {
      for (let passed = 0; passed < durationMs; passed += 100) {
        await clock.advance(100);
        http.checkDeadline();
      }
      await clock.advance(0);
    },
  };
}

/** A body of pieces, and how often it was given back. */
export function lentBody(
  pieces: readonly (() => Promise<Uint8Array<ArrayBuffer>>)[],
): {
  readonly body: LentBody;
  readonly state: { cancelled: number; acceptedBytes: number };
} {
  const state = { cancelled: 0, acceptedBytes: 0 };
  const left = [...pieces];
  return {
    state,
    body: {
      read: async () => await left.shift()?.(),
      headroomBytes: 0,
      accepted: (countBytes) => {
        state.acceptedBytes += countBytes;
      },
      cancel: () => {
        state.cancelled++;
      },
    },
  };
}

/** A text. */
export function answerOf(text: string): BytesAnswer {
  return bytesAnswer(new TextEncoder().encode(text), { headers: {} });
}

/** An answer that lends its body. */
export function lentAnswer(body: LentBody, lengthBytes: number): LentAnswer {
  return { status: 200, headers: {}, lengthBytes, body };
}
