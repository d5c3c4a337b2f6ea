import {
  type BodyFraming,
  type FramingDoubt,
  readBodyFraming,
} from "./body_framing.ts";
import { isHost } from "./host.ts";
import {
  type HeaderFields,
  readHeaderLine,
  TOKEN,
  valuesOf,
} from "./header_lines.ts";

/** A request, up to its body. */
export interface RequestHead {
  /** As written: methods are case-sensitive. */
  readonly method: string;
  /** As written, except that bytes beyond ASCII are percent-encoded. */
  readonly target: string;
  /** The last digit of the version: of HTTP/1.0 or HTTP/1.1 and later. */
  readonly minorVersion: 0 | 1;
  /** As they came. */
  readonly headers: HeaderFields;
  /** Whether the client lets the connection be used again (section 9.3). */
  readonly keepAlive: boolean;
  /** What follows. */
  readonly body: BodyFraming;
  /** The client holds its body back until it is asked for it. */
  readonly expectsContinue: boolean;
}

/**
 * The headers of a request, as far as the fetch API has them: several of one
 * name are one list.
 */
export function askedHeaders(
  { headers }: Pick<RequestHead, "headers">,
): { get(lowerCaseName: string): string | null } {
  return {
    get(lowerCaseName) {
      const values = valuesOf(headers, lowerCaseName);
      return values.length === 0 ? null : values.join(", ");
    },
  };
}

/** A request that cannot be read, and how to answer it. */
export interface HeadRefusal {
  /** The status of the answer: 400, 414, 431, 501 or 505. */
  readonly status: number;
  /** What is wrong with it: a clause for people. */
  readonly reason: string;
}

/** Longest target: no path that is served comes near. */
export const MAX_TARGET_BYTES = 16 * 1024;
/** Longest request line and headers together. */
export const MAX_HEAD_BYTES = 32 * 1024;
const MAX_HEADERS = 100;

const LF = 10;
const CR = 13;

/**
 * Finds the end of a head, after its empty line. A line may end with LF alone
 * (RFC 9112, section 2.2).
 *
 * @param bytes what has been received, from the request line on
 * @param from how many bytes were searched before, without an end
 * @returns undefined when the end has not been received
 */
export function findHeadEnd(
  bytes: Uint8Array,
  from = 0,
): number | undefined {
  // The end may have begun among the three bytes before.
  let at = bytes.indexOf(LF, Math.max(0, from - 3));
  while (at >= 0) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
    at = bytes.indexOf(LF, at + 1);
  }
  return undefined;
}

/** How many bytes of empty lines come before a request (section 2.2). */
export function countEmptyLines(bytes: Uint8Array): number {
  let count = 0;
  while (bytes[count] === CR || bytes[count] === LF) count++;
  return count;
}

/**
 * Why a head that has not ended yet is too long already.
 *
 * @param bytes what has been received
 */
export function refuseLongHead(bytes: Uint8Array): HeadRefusal | undefined {
  const endOfLine = bytes.indexOf(LF);
  const lineBytes = endOfLine < 0 ? bytes.length : endOfLine;
  // The longest method and version are no part of the target: some slack.
  if (lineBytes > MAX_TARGET_BYTES + 64) return LONG_TARGET;
  return bytes.length >= MAX_HEAD_BYTES ? LONG_HEAD : undefined;
}

const LONG_TARGET: HeadRefusal = {
  status: 414,
  reason: `the path is longer than ${MAX_TARGET_BYTES} bytes`,
};
const LONG_HEAD: HeadRefusal = {
  status: 431,
  reason: `the headers are longer than ${MAX_HEAD_BYTES} bytes`,
};
const MANY_HEADERS: HeadRefusal = {
  status: 431,
  reason: `there are more than ${MAX_HEADERS} headers`,
};

/** RFC 9112, section 3. */
const REQUEST_LINE = new RegExp(
  `^(${TOKEN}) ([\\x21-\\x7e\\x80-\\xff]+) HTTP/(\\d)\\.(\\d)\\r?\\n`,
);

/**
 * Reads a request head strictly: what two readers could understand
 * differently is refused, since a proxy in front may be the other one.
 *
 * @param bytes from the request line to the empty line
 */
export function parseRequestHead(
  bytes: Uint8Array,
): RequestHead | HeadRefusal {
  const text = latin1(bytes);
  const match = REQUEST_LINE.exec(text);
  if (match === null) return bad("the first line is not METHOD PATH HTTP/1.1");
  const [requestLine, method = "", rawTarget = "", major, minor] = match;
  if (major !== "1") {
    return { status: 505, reason: `HTTP/${major} is not supported` };
  }
  if (rawTarget.length > MAX_TARGET_BYTES) return LONG_TARGET;
  if (!isTarget(method, rawTarget)) {
    return bad("the path does not begin with /");
  }
  const headers: (readonly [string, string])[] = [];
  let at = requestLine.length;
  while (!isEmptyLine(text, at)) {
    if (headers.length === MAX_HEADERS) return MANY_HEADERS;
    const header = readHeaderLine(text, at);
    if (header === undefined) return bad("a header is not NAME: VALUE");
    headers.push([header.name, header.value]);
    at = header.end;
  }
  const minorVersion = minor === "0" ? 0 : 1;
  const [host, ...otherHosts] = valuesOf(headers, "host");
  if (otherHosts.length > 0) return bad("there are two Hosts");
  // One that is absent is not refused, as RFC 9112, section 3.2 asks for:
  // boot loaders leave it out, and nothing here depends on it.
  if (host !== undefined && !isHost(host)) {
    return bad("Host is not NAME or NAME:PORT");
  }
  const body = framingOf(headers, minorVersion);
  if ("status" in body) return body;
  const options = valuesOf(headers, "connection")
    .flatMap((value) => value.toLowerCase().split(","))
    .map((option) => option.trim());
  return {
    method,
    target: rawTarget.replaceAll(/[\x80-\xff]/g, percentEncoded),
    minorVersion,
    headers,
    keepAlive: !options.includes("close") &&
      (minorVersion === 1 || options.includes("keep-alive")),
    body,
    expectsContinue: valuesOf(headers, "expect")
      .some((value) => value.toLowerCase() === "100-continue"),
  };
}

/** The four forms of RFC 9112, section 3.2. */
function isTarget(method: string, target: string): boolean {
  if (target.startsWith("/") || /^[a-z][a-z0-9+.-]*:\/\//i.test(target)) {
    return true;
  }
  return method === "CONNECT" || (method === "OPTIONS" && target === "*");
}

function framingOf(
  headers: HeaderFields,
  minorVersion: 0 | 1,
): BodyFraming | HeadRefusal {
  const framing = readBodyFraming(headers, { repeatedLength: false });
  if (typeof framing === "string") return REFUSED_FRAMING[framing];
  if (framing.kind === "chunked" && minorVersion === 0) {
    return bad("HTTP/1.0 has no Transfer-Encoding");
  }
  return framing.kind === "length" && framing.lengthBytes === 0
    ? { kind: "none" }
    : framing;
}

const REFUSED_FRAMING: Readonly<Record<FramingDoubt, HeadRefusal>> = {
  "length and coding": bad("there are Content-Length and Transfer-Encoding"),
  "malformed coding": bad("Transfer-Encoding is not a list of codings"),
  "chunked not last": bad("chunked is not the last Transfer-Encoding"),
  "unknown coding": {
    status: 501,
    reason: "the only Transfer-Encoding here is chunked",
  },
  "two lengths": bad("there are two Content-Lengths"),
  "no number": bad("Content-Length is not a number"),
};

function isEmptyLine(text: string, at: number): boolean {
  return text.startsWith("\n", at) || text.startsWith("\r\n", at);
}

function bad(reason: string): HeadRefusal {
  return { status: 400, reason };
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** One character per byte, which no TextDecoder does: its latin1 is not. */
function latin1(bytes: Uint8Array): string {
  // Most heads are ASCII, where the two are the same, and this is quicker.
  const text = utf8.decode(bytes);
  return /^[\0-\x7f]*$/.test(text) ? text : String.fromCharCode(...bytes);
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
