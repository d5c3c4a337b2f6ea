import type { RequestHead } from "./request_head.ts";

/** Answers requests, whatever brings them. */
export interface HttpApp {
  /** Never rejects; a body that cannot be finished fails while it is read. */
  fetch(request: Request, exchange: Exchange): Promise<Response>;
  /**
   * The bytes of the whole answer, where they are known and still right.
   *
   * @param date the present time as an HTTP-date
   */
  fromMemory?(head: RequestHead, date: string): Uint8Array | undefined;
  /**
   * Answers a request for an artifact whose path was asked for before, without
   * what it takes to make a Request and to find the way.
   *
   * @returns undefined for any other request
   */
  again?(
    head: RequestHead,
    exchange: Exchange,
  ): Promise<Response | LentAnswer> | undefined;
  /** To be called after the last answer: closes what was left open. */
  close?(): void;
}

/** Who asks, and when the answer has left. */
export interface Exchange {
  /** The client's IP address. */
  readonly client: string;
  /** The request line as it came, where a Request cannot hold it. */
  readonly requestLine?: {
    /** Such as `get`, which is not `GET`. */
    readonly method: string;
    /** With its dot segments. */
    readonly target: string;
  };
  /** Settles when the response has left; rejects when it never will. */
  readonly completed: Promise<unknown>;
  /**
   * Set by who can send a body that is lent to it: then the response has none,
   * but says how long it is.
   */
  readonly lend?: (body: LentBody, lengthBytes: number) => void;
}

/** An answer that lends its body, which a Response cannot. */
export interface LentAnswer {
  /** 200 or 206. */
  readonly status: number;
  /** All that are the answer's own. */
  readonly headers: Headers | Readonly<Record<string, string>>;
  /** Of the body. */
  readonly lengthBytes: number;
  /** What is sent. */
  readonly body: LentBody;
}

/** The bytes of an answer, lent piece by piece to who sends them. */
export interface LentBody {
  /**
   * The next bytes. Asking for them gives back the ones before.
   *
   * @returns undefined at the end
   * @throws when what was promised cannot be sent: the connection is to be
   * broken off, so that the client knows
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** How many bytes in front of those lent are free in their buffer. */
  readonly headroomBytes: number;
  /** Gives everything back; nobody may look at what was lent any more. */
  cancel(): void;
}
