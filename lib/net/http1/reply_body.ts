import type { BodyFraming } from "./body_framing.ts";
import { ChunkedBody, REPLY_CHUNKS } from "./chunked_body.ts";
import { PART_BYTES, type ReplyInput } from "./reply_input.ts";

/** The body of a reply, which is read once, in either way. */
export interface ReplyBody extends AsyncIterable<Uint8Array> {
  /**
   * Waits for some bytes and puts them into a buffer, without a copy in between
   * where their number was told beforehand.
   *
   * @returns how many, or null at the end of the body
   * @throws Error when it breaks off before its end, or is not written as HTTP
   * asks for
   */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** A body by its method `read`. */
export function replyBody(read: ReplyBody["read"]): ReplyBody {
  return {
    read,
    async *[Symbol.asyncIterator]() {
      while (true) {
        const part = new Uint8Array(PART_BYTES);
        const count = await read(part);
        if (count === null) return;
        yield part.subarray(0, count);
      }
    },
  };
}

/** A body as it comes from a connection. */
export interface FramedBody {
  readonly read: ReplyBody["read"];
  /** Whether it has been read to an end that does not end the connection. */
  readonly isOver: () => boolean;
}

/** The body that begins where the input is. */
export function framedBody(
  input: ReplyInput,
  framing: BodyFraming,
): FramedBody {
  switch (framing.kind) {
    case "none":
      return { read: (buffer) => input.read(buffer), isOver: () => false };
    case "length":
      return lengthBody(input, framing.lengthBytes);
    case "chunked":
      return chunkedBody(input);
  }
}

function lengthBody(input: ReplyInput, lengthBytes: number): FramedBody {
  let left = lengthBytes;
  return {
    async read(buffer) {
      if (left === 0) return null;
      const count = await input.readSome(buffer.subarray(0, left));
      left -= count;
      return count;
    },
    isOver: () => left === 0,
  };
}

function chunkedBody(input: ReplyInput): FramedBody {
  const body = new ChunkedBody(REPLY_CHUNKS);
  let parts: ReturnType<ChunkedBody["read"]> | undefined;
  let part: Uint8Array = new Uint8Array();
  let lineBytes = 0;
  let isOver = false;
  /** Goes on to the next part with data; what was received may have no more. */
  const next = async () => {
    if (parts === undefined) {
      const received = await input.received();
      lineBytes = received.length;
      parts = body.read(received);
    }
    const result = parts.next();
    if (!result.done) {
      part = result.value;
      lineBytes -= part.length;
      return;
    }
    parts = undefined;
    isOver = result.value !== undefined;
    input.skip(result.value);
    if (!isOver) input.countLineBytes(lineBytes);
  };
  return {
    async read(buffer) {
      while (part.length === 0 && !isOver) await next();
      if (part.length === 0) return null;
      const some = part.subarray(0, buffer.length);
      buffer.set(some);
      part = part.subarray(some.length);
      return some.length;
    },
    isOver: () => isOver,
  };
}
