import { type FramingDoubt, readBodyFraming } from "./body_framing.ts";
import { type HeaderFields, readHeaderLine, valuesOf } from "./header_lines.ts";
import {
  type FramedBody,
  framedBody,
  type ReplyBody,
  replyBody,
} from "./reply_body.ts";
import { type ReadBytes, ReplyInput } from "./reply_input.ts";

/** What answers a GET request. Disposing of it ends the connection. */
export interface HttpReply extends Disposable {
  /** Three digits. */
  readonly status: number;
  /** In the order received. */
  readonly headers: HeaderFields;
  /** Where a redirect leads. */
  readonly location: string | undefined;
  /** Can be read once. */
  readonly body: ReplyBody;
}

/**
 * Sends a GET request and follows no redirect. Throws an Error when there is no
 * answer, and the signal's reason when it aborts first.
 */
export type HttpGet = (
  url: URL,
  options: {
    /** Besides those that every request has; `Range`, for example. */
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
) => Promise<HttpReply>;

/** What stands before a reply's body. */
interface ReplyHead {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Whether the server keeps the connection unless it says otherwise. */
  readonly keeps: boolean;
}

/** A reply being read from a connection. */
export interface ReplyOnConnection
  extends Omit<HttpReply, typeof Symbol.dispose> {
  /**
   * Whether the connection is good for another request: the body has been read
   * to its end, and the server has said neither that it closes nor anything
   * else (RFC 9112, section 9.3).
   */
  readonly isReusable: () => boolean;
}

/**
 * Reads the reply to a GET request (RFC 9112). Where implementations are known
 * to differ it is stricter than the RFC: the server is not trusted.
 *
 * @param read reads the connection; nothing else may
 * @returns without the body, which is read as it is asked for
 * @throws Error that says what is wrong with the reply, or what `read` throws
 */
export async function readHttpReply(
  read: ReadBytes,
): Promise<ReplyOnConnection> {
  const input = new ReplyInput(read);
  let head = await readHead(input);
  // RFC 9110 section 15.2: any number of interim replies may come first.
  while (head.status < 200) head = await readHead(input);
  const { status, headers, keeps } = head;
  const body = bodyOf(input, head);
  return {
    status,
    headers,
    location: valuesOf(headers, "location")[0],
    body: replyBody(body.read),
    isReusable: () => keeps && body.isOver() && input.isEmpty,
  };
}

async function readHead(input: ReplyInput): Promise<ReplyHead> {
  const statusLine = await input.line();
  const [, minor, status] =
    /^HTTP\/1\.([01]) ([1-5]\d\d)(?: |$)/.exec(statusLine) ?? [];
  if (status === undefined) throw new Error("the answer is not HTTP/1.1");
  const headers = await readHeaders(input);
  const closes = valuesOf(headers, "connection")
    .some((options) => /\bclose\b/i.test(options));
  return { status: Number(status), headers, keeps: minor === "1" && !closes };
}

async function readHeaders(input: ReplyInput): Promise<HeaderFields> {
  const headers: (readonly [name: string, value: string])[] = [];
  for (;;) {
    const line = await input.line();
    if (line === "") return headers;
    const header = readHeaderLine(line);
    if (header === undefined) throw new Error("a header field is malformed");
    headers.push([header.name, header.value]);
  }
}

const NO_NUMBER = "the answer's Content-Length is not a number";

const DOUBTS: Readonly<Record<FramingDoubt, string>> = {
  "length and coding":
    "the answer has both a Content-Length and a Transfer-Encoding",
  "malformed coding": "the answer's Transfer-Encoding is not a list of codings",
  "chunked not last": "the answer's Transfer-Encoding does not end in chunked",
  "unknown coding": "the answer has an unknown Transfer-Encoding",
  "two lengths": NO_NUMBER,
  "no number": NO_NUMBER,
};

/** What is wrong with it comes out when it is read. */
function bodyOf(
  input: ReplyInput,
  { status, headers }: ReplyHead,
): FramedBody {
  const encodings = valuesOf(headers, "content-encoding");
  if (encodings.some((encoding) => encoding.toLowerCase() !== "identity")) {
    return noBody("the answer is compressed, which was not requested");
  }
  // Servers are known to repeat it (RFC 9112, section 6.3).
  const framing = readBodyFraming(headers, { repeatedLength: true });
  if (typeof framing === "string") return noBody(DOUBTS[framing]);
  // They have none, whatever their headers say (section 6.3).
  return status === 204 || status === 304
    ? framedBody(input, { kind: "length", lengthBytes: 0 })
    : framedBody(input, framing);
}

function noBody(problem: string): FramedBody {
  return {
    read: () => Promise.reject(new Error(problem)),
    isOver: () => false,
  };
}
