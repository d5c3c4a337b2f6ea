import type { RequestHead } from "./request_head.ts";

/** Answers requests, whatever brings them. */
export interface HttpHandler {
  /** A body that cannot be finished fails while it is read. */
  answer(head: RequestHead, exchange: Exchange): Answer | Promise<Answer>;
  /** Called after the last answer: closes what is still open. */
  close?(): void;
}

/** The client, and when its answer has been sent. */
export interface Exchange {
  /** The client's IP address. */
  readonly client: string;
  /**
   * This server as the client reached it, by its own end of the connection:
   * `http://192.0.2.1:8080`. What a Host header says is the client's word.
   */
  readonly serverUrl: string;
  /**
   * Waits until the answer has left; rejects when it never will. To be called
   * while it is made: most answers do without the promise.
   */
  whenCompleted(): Promise<unknown>;
  /** Breaks the connection off, whatever is under way. */
  close(): void;
}

/** The answer to a request. */
export type Answer = BytesAnswer | LentAnswer;

/** What every answer says before its body. */
export interface AnswerHead {
  /** Such as 200. */
  readonly status: number;
  /** All that are the answer's own, without its length. */
  readonly headers: AnswerHeaders;
  /** The length of the body; for HEAD, of the body that GET would get. */
  readonly lengthBytes: number;
}

/**
 * An answer whose bytes are in memory. Return the same object for an answer
 * that is given often: its bytes on the wire are kept with it.
 */
export interface BytesAnswer extends AnswerHead {
  /** The body; null where none is sent (to HEAD, and with 304). */
  readonly bytes: Uint8Array | null;
}

/** An answer to GET that lends its body. */
export interface LentAnswer extends AnswerHead {
  /** What is sent. */
  readonly body: LentBody;
}

/**
 * The headers of an answer, by name as every other server writes it. Case does
 * not matter (RFC 9110, section 5.1), but the loaders of GRUB, edk2, lwIP and
 * U-Boot compare bytes and would find no length in an answer.
 */
export type AnswerHeaders = { readonly [name in AnswerHeaderName]?: string };

/** The headers that answers have, beside those that the connection adds. */
export type AnswerHeaderName =
  | "Accept-Ranges"
  | "Allow"
  | "Cache-Control"
  | "Content-Range"
  | "Content-Security-Policy"
  | "Content-Type"
  | "ETag"
  | "Last-Modified"
  | "Referrer-Policy"
  | "Retry-After"
  | "Vary"
  | "X-Content-Type-Options";

/**
 * The body of an answer, lent piece by piece to the connection that sends it.
 */
export interface LentBody {
  /**
   * The next bytes. Asking for them gives back those before.
   *
   * @returns undefined at the end
   * @throws when what was promised cannot be sent: the connection is to be
   * broken off, so that the client knows
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** How many bytes in front of those lent are free in their buffer. */
  readonly headroomBytes: number;
  /** The client has accepted this many more bytes of the answer. */
  accepted(countBytes: number): void;
  /** Takes everything back: what was lent must not be read any more. */
  cancel(): void;
}
