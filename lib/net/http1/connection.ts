import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/printable.ts";
import { errorAnswer } from "./answers.ts";
import { ChunkedBody, REQUEST_CHUNKS } from "./chunked_body.ts";
import type { Answer, Exchange, LentAnswer, LentBody } from "./handler.ts";
import {
  countEmptyLines,
  findHeadEnd,
  type HeadRefusal,
  MAX_HEAD_BYTES,
  parseRequestHead,
  refuseLongHead,
  type RequestHead,
} from "./request_head.ts";
import {
  bodyWithHead,
  headAndBody,
  responseBytes,
  type ResponseFraming,
  responseHead,
} from "./response_bytes.ts";

/** A connection to a client. */
export interface ByteConnection {
  /** Waits for bytes. @returns how many came, or null when the client sends no more */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Waits until some are taken. @returns how many */
  write(bytes: Uint8Array): Promise<number>;
  /** Sends no more, but still reads. */
  closeWrite(): Promise<void>;
  /** Ends both; a read or write under way fails. */
  close(): void;
}

/** How long clients may take, in milliseconds. */
export interface ConnectionTimeouts {
  /** From the first byte of a request to the end of its header and body. */
  readonly headMs: number;
  /** From one request to the next, and until the first. */
  readonly idleMs: number;
  /** Until the client accepts another byte of an answer. */
  readonly stallMs: number;
}

/** Wide enough for firmware on a bad day. */
export const DEFAULT_CONNECTION_TIMEOUTS: ConnectionTimeouts = {
  headMs: 20_000,
  idleMs: 75_000,
  stallMs: 120_000,
};

/** What a connection needs. */
export interface HttpConnectionParts {
  /** The connection to the client. */
  readonly connection: ByteConnection;
  /** The client's IP address. */
  readonly client: string;
  /** This server's URL by the address that the client connected to. */
  readonly serverUrl: string;
  /** For timeouts. */
  readonly clock: Clock;
  /** How long the client may take. */
  readonly timeouts: ConnectionTimeouts;
  /** The present time as an HTTP-date. */
  readonly date: () => string;
  /** Answers a request; never rejects. */
  readonly respond: (
    head: RequestHead,
    exchange: Exchange,
  ) => Promise<Answer> | Answer;
  /** Whether no further request is to follow. */
  readonly isDraining: () => boolean;
}

/** Longest body that is read over, so that the connection can be kept. */
const MAX_SKIPPED_BYTES = 64 * 1024;
/** How long, and how much, is read over before a connection is closed. */
const LINGER_MS = 2000;
const MAX_LINGER_BYTES = 256 * 1024;
/** What is as short as this leaves together with its head. */
const MAX_JOINED_BYTES = 32 * 1024;
const FIRST_BUFFER_BYTES = 4096;
const NO_BYTES = new Uint8Array();
/** Made once: an error notes where it was made, which takes time. */
const CLOSED = new Error("the connection was closed");

/**
 * One client's connection: its requests are read and answered one after the
 * other (RFC 9112). It never holds more of a client than one request head, and
 * never more of an answer than its stream gives at a time.
 */
export class HttpConnection {
  readonly #parts: HttpConnectionParts;
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  /** What was received and not used yet is between the two. */
  #start = 0;
  #end = 0;
  /** The body of the answer being sent, while it is read and not written. */
  #reading: LentBody | undefined;
  #onAnswered: (() => void) | undefined;
  /** Settles with the answer under way, if anything waits for that. */
  #completed: PromiseWithResolvers<void> | undefined;
  readonly #client: Exchange;
  #phase: "idle" | "head" | "answer" | "closing" = "idle";
  #isClosed = false;
  #deadlineMs: number;

  constructor(parts: HttpConnectionParts) {
    this.#parts = parts;
    this.#deadlineMs = parts.clock.monotonic() + parts.timeouts.idleMs;
    this.#client = {
      client: parts.client,
      serverUrl: parts.serverUrl,
      whenCompleted: () => {
        this.#completed ??= Promise.withResolvers();
        if (this.#isClosed) this.#completed.reject(CLOSED);
        return this.#completed.promise;
      },
      close: () => this.close(),
    };
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return this.#phase === "idle";
  }

  /** Waits for the answer that is under way, if one is. */
  whenAnswered(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#phase === "answer" && !this.#isClosed) {
        this.#onAnswered = resolve;
      } else resolve();
    });
  }

  /** Reads and answers until either side has had enough. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#exchange());
      await this.#linger();
    } catch {
      // The client is gone, or was given up.
    }
    this.close();
  }

  /** Ends it, whatever is under way. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onAnswered?.();
    this.#completed?.reject(CLOSED);
    this.#parts.connection.close();
    this.#reading?.cancel();
  }

  /** Ends it when the client has taken too long. To be called regularly. */
  checkDeadline(): void {
    if (this.#parts.clock.monotonic() < this.#deadlineMs) return;
    if (this.#phase !== "head") return this.close();
    const told = this.#refuse({
      status: 408,
      reason: "the request did not arrive in time",
    });
    told.catch(() => {
      // There is no one left to tell.
    }).finally(() => this.close());
  }

  /** @returns whether another request may follow */
  async #exchange(): Promise<boolean> {
    const { respond, isDraining, date } = this.#parts;
    const head = await this.#readHead();
    // Once it was given up, what still came does not count.
    if (head === undefined || this.#phase === "closing") return false;
    if ("reason" in head) {
      await this.#refuse(head);
      return false;
    }
    const body = head.body.kind === "none"
      ? "read"
      : await this.#skipBody(head);
    if (body === "gone") return false;
    if (typeof body === "object") {
      await this.#refuse(body);
      return false;
    }
    this.#phase = "answer";
    this.#deadlineMs = Infinity;
    try {
      const answer = await respond(head, this.#client);
      const { minorVersion, method } = head;
      const keepAlive = head.keepAlive && body === "read" && !isDraining();
      const isHead = method === "HEAD";
      const framing = { minorVersion, keepAlive, isHead, date: date() };
      if ("body" in answer) await this.#sendLent(answer, framing);
      else await this.#write(responseBytes(answer, framing));
      this.#completed?.resolve();
      this.#onAnswered?.();
      return keepAlive;
    } catch (error) {
      this.#completed?.reject(error);
      throw error;
    }
  }

  /** @returns undefined when the client sends no more */
  async #readHead(): Promise<RequestHead | HeadRefusal | undefined> {
    const { clock, timeouts } = this.#parts;
    this.#phase = "idle";
    this.#completed = undefined;
    this.#deadlineMs = clock.monotonic() + timeouts.idleMs;
    let searched = 0;
    while (true) {
      if (searched === 0) this.#start += countEmptyLines(this.#received());
      const received = this.#received();
      const end = findHeadEnd(received, searched);
      if (end !== undefined) {
        this.#start += end;
        this.#expectRest();
        return parseRequestHead(received.subarray(0, end));
      }
      const refusal = refuseLongHead(received);
      if (refusal !== undefined) return refusal;
      searched = received.length;
      if (searched > 0) this.#expectRest();
      if (!await this.#receive()) return undefined;
    }
  }

  /** A request has begun: the rest of it is to come in time. */
  #expectRest(): void {
    if (this.#phase !== "idle") return;
    const { clock, timeouts } = this.#parts;
    this.#phase = "head";
    this.#deadlineMs = clock.monotonic() + timeouts.headMs;
  }

  #received(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** @returns false when the client sends no more */
  async #receive(): Promise<boolean> {
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      // A client that once sent a long header does not keep the space for it.
      if (this.#buffer.length > FIRST_BUFFER_BYTES) {
        this.#buffer = new Uint8Array(FIRST_BUFFER_BYTES);
      }
    }
    if (this.#end === this.#buffer.length) {
      const received = this.#received();
      const isFull = received.length > this.#buffer.length / 2;
      const buffer = isFull
        ? new Uint8Array(Math.min(received.length * 2, MAX_HEAD_BYTES))
        : this.#buffer;
      buffer.set(received);
      this.#buffer = buffer;
      this.#start = 0;
      this.#end = received.length;
    }
    const count = await this.#parts.connection.read(
      this.#buffer.subarray(this.#end),
    );
    if (count === null) return false;
    this.#end += count;
    return true;
  }

  async #refuse({ status, reason }: HeadRefusal): Promise<void> {
    this.#phase = "closing";
    const answer = errorAnswer(status, `Cannot read this request: ${reason}`);
    await this.#write(responseBytes(answer, {
      minorVersion: 1,
      keepAlive: false,
      isHead: false,
      date: this.#parts.date(),
    }));
  }

  async #sendLent(answer: LentAnswer, framing: ResponseFraming): Promise<void> {
    const { body, lengthBytes } = answer;
    const head = responseHead(answer, framing);
    let leftBytes = lengthBytes;
    let isFirst = true;
    try {
      while (leftBytes > 0) {
        this.#reading = body;
        const bytes = await body.read();
        this.#reading = undefined;
        leftBytes -= bytes?.length ?? NaN;
        if (bytes === undefined || leftBytes < 0) {
          throw new Error("the answer is not as long as it says");
        }
        if (!isFirst) await this.#write(bytes, body);
        else if (head.length <= body.headroomBytes) {
          await this.#write(bodyWithHead(head, bytes), body);
        } else if (bytes.length <= MAX_JOINED_BYTES) {
          await this.#write(headAndBody(head, bytes), body);
        } else {
          await this.#write(headAndBody(head, NO_BYTES), body);
          await this.#write(bytes, body);
        }
        isFirst = false;
      }
    } finally {
      this.#reading = undefined;
      // Only now: a write that failed has let go of what was lent.
      body.cancel();
    }
  }

  async #write(bytes: Uint8Array, body?: LentBody): Promise<void> {
    const { connection, clock, timeouts } = this.#parts;
    for (let done = 0; done < bytes.length;) {
      this.#deadlineMs = clock.monotonic() + timeouts.stallMs;
      const count = await connection.write(
        done === 0 ? bytes : bytes.subarray(done),
      );
      done += count;
      body?.accepted(count);
    }
    // Time that the disk or a rate limit takes is not the client's fault.
    this.#deadlineMs = Infinity;
  }

  /**
   * Reads past the body of a request, which is not used; the next request
   * begins where it ends.
   *
   * @returns whether that is reached, the client is gone before, or why it
   * cannot be known where the end is
   */
  async #skipBody(
    head: RequestHead,
  ): Promise<"read" | "too long" | "gone" | HeadRefusal> {
    const { body } = head;
    if (!isSkippable(head)) return "too long";
    const chunked = new ChunkedBody(REQUEST_CHUNKS);
    let left = body.kind === "length" ? body.lengthBytes : MAX_SKIPPED_BYTES;
    while (true) {
      const received = this.#received();
      let taken: number | undefined;
      if (body.kind === "length") {
        taken = received.length < left ? undefined : left;
      } else {
        try {
          taken = chunked.skip(received);
        } catch (error) {
          return { status: 400, reason: messageOf(error) };
        }
      }
      this.#start += taken ?? received.length;
      if (taken !== undefined) return "read";
      left -= received.length;
      if (left <= 0) return "too long";
      if (!await this.#receive() || this.#phase === "closing") return "gone";
    }
  }

  /**
   * Says goodbye and hears the client out: closing with bytes unread would
   * reset the connection, and with it what the client has not read yet
   * (RFC 9112, section 9.6).
   */
  async #linger(): Promise<void> {
    this.#phase = "closing";
    this.#deadlineMs = this.#parts.clock.monotonic() + LINGER_MS;
    await this.#parts.connection.closeWrite();
    for (let count = 0; count < MAX_LINGER_BYTES;) {
      this.#start = this.#end = 0;
      if (!await this.#receive()) return;
      count += this.#end;
    }
  }
}

/** Whether what follows the head is little enough to be read over. */
function isSkippable({ body, expectsContinue }: RequestHead): boolean {
  switch (body.kind) {
    case "none":
      return true;
    case "length":
      return !expectsContinue && body.lengthBytes <= MAX_SKIPPED_BYTES;
    case "chunked":
      return !expectsContinue;
  }
}
