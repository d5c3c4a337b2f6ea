import type { AnswerHeaders, BytesAnswer } from "./handler.ts";

/**
 * An answer in JSON.
 *
 * @param headers added to those of the content
 */
export function jsonAnswer(
  value: unknown,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: AnswerHeaders;
  } = {},
): BytesAnswer {
  return bytesAnswer(new TextEncoder().encode(`${JSON.stringify(value)}\n`), {
    status,
    headers: { "Content-Type": "application/json", ...headers },
  });
}

/**
 * A refusal: `{"error": "..."}`.
 *
 * @param message what is wrong and what would be right; it is shown to people
 */
export function errorAnswer(
  status: number,
  message: string,
  headers: AnswerHeaders = {},
): BytesAnswer {
  return jsonAnswer({ error: message }, { status, headers });
}

/** A text, whose type is among the headers. */
export function textAnswer(text: string, headers: AnswerHeaders): BytesAnswer {
  return bytesAnswer(new TextEncoder().encode(text), { headers });
}

/** Bytes that are in memory; browsers are not to guess what they are. */
export function bytesAnswer(
  bytes: Uint8Array,
  { status = 200, headers }: {
    readonly status?: number;
    readonly headers: AnswerHeaders;
  },
): BytesAnswer {
  return {
    status,
    headers: { ...headers, "X-Content-Type-Options": "nosniff" },
    lengthBytes: bytes.length,
    bytes,
  };
}
