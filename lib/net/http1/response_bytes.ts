import type { AnswerHead, BytesAnswer } from "./handler.ts";

const NO_BYTES = new Uint8Array();

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  206: "Partial Content",
  304: "Not Modified",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  412: "Precondition Failed",
  414: "URI Too Long",
  416: "Range Not Satisfiable",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** How an answer is put on one connection. */
export interface ResponseFraming {
  /** The version of the request: a client of HTTP/1.0 is answered in it. */
  readonly minorVersion: 0 | 1;
  /** Whether another request may follow. */
  readonly keepAlive: boolean;
  /** The present time as an HTTP-date. */
  readonly date: string;
  /** Whether the request was for the head alone. */
  readonly isHead: boolean;
}

/**
 * The status line and headers of an answer. There is always a length and never
 * a chunk: firmware stumbles over chunks.
 */
export function responseHead(
  { status, headers, lengthBytes }: AnswerHead,
  { minorVersion, keepAlive, date }: ResponseFraming,
): string {
  let text = `HTTP/1.${minorVersion} ${status} ${REASONS[status] ?? ""}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    text += `${name}: ${value}\r\n`;
  }
  if (status !== 304) text += `Content-Length: ${lengthBytes}\r\n`;
  // What each version does anyway is not said.
  const option = keepAlive === (minorVersion === 1)
    ? ""
    : `Connection: ${keepAlive ? "keep-alive" : "close"}\r\n`;
  return `${text}Date: ${date}\r\n${option}\r\n`;
}

/** What was sent of an answer last, with that second's date. */
const sent = new WeakMap<
  BytesAnswer,
  { readonly date: string; readonly bytes: Uint8Array<ArrayBuffer> }
>();

/**
 * All bytes of an answer. Those to a usual request are kept: a rack asks for
 * the same manifest again and again, and to write its head each time takes
 * longer than all the rest.
 */
export function responseBytes(
  answer: BytesAnswer,
  framing: ResponseFraming,
): Uint8Array<ArrayBuffer> {
  const { minorVersion, keepAlive, date, isHead } = framing;
  const isUsual = !isHead && keepAlive && minorVersion === 1;
  const last = isUsual ? sent.get(answer) : undefined;
  if (last?.date === date) return last.bytes;
  const bytes = headAndBody(
    responseHead(answer, framing),
    isHead ? NO_BYTES : answer.bytes ?? NO_BYTES,
  );
  if (isUsual) sent.set(answer, { date, bytes });
  return bytes;
}

/** A head and a body in one piece, so that they leave in one packet. */
export function headAndBody(
  head: string,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(head.length + body.length);
  writeAscii(head, both);
  both.set(body, head.length);
  return both;
}

/** The same without a copy, for a body with room in front of it. */
export function bodyWithHead(
  head: string,
  body: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const start = body.byteOffset - head.length;
  const both = new Uint8Array(body.buffer, start, head.length + body.length);
  writeAscii(head, both);
  return both;
}

/** Headers are ASCII: a character is a byte, and a TextEncoder takes longer. */
function writeAscii(text: string, bytes: Uint8Array): void {
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
}
