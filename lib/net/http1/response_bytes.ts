import { headerName } from "./header_name.ts";

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

/**
 * The status line and headers that a response has by itself. There is always a
 * length and never a chunk: firmware stumbles over chunks. Names are written as
 * headerName() does.
 *
 * @param minorVersion of the request: a client of HTTP/1.0 is answered in it
 * @param lengthBytes of the body, for a response that does not say so itself
 */
export function ownHead(
  { status, headers }: {
    readonly status: number;
    readonly headers: Headers | Readonly<Record<string, string>>;
  },
  { minorVersion, lengthBytes }: {
    readonly minorVersion: 0 | 1;
    readonly lengthBytes: number;
  },
): string {
  let text = `HTTP/1.${minorVersion} ${status} ${REASONS[status] ?? ""}\r\n`;
  let saysLength = status === 304;
  const add = (value: string, name: string) => {
    text += `${headerName(name)}: ${value}\r\n`;
    saysLength ||= name === "content-length";
  };
  // Twice as fast as for ... of.
  if (headers instanceof Headers) headers.forEach(add);
  else for (const [name, value] of Object.entries(headers)) add(value, name);
  return saysLength ? text : `${text}Content-Length: ${lengthBytes}\r\n`;
}

/**
 * The headers that the connection adds, and the end of the head.
 *
 * @param date the present time as an HTTP-date
 * @param keepAlive whether another request may follow
 */
export function restOfHead(
  { date, keepAlive, minorVersion }: {
    readonly date: string;
    readonly keepAlive: boolean;
    readonly minorVersion: 0 | 1;
  },
): string {
  // What each version does anyway is not said.
  const option = keepAlive === (minorVersion === 1)
    ? ""
    : `Connection: ${keepAlive ? "keep-alive" : "close"}\r\n`;
  return `Date: ${date}\r\n${option}\r\n`;
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
