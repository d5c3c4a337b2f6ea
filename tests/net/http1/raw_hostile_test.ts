import {
  cannot,
  get,
  H,
  K,
  noFile,
  noImage,
  nothingAt,
  type RawCase,
  testRawRequests,
  unreadable,
} from "../../support/raw_wire.ts";

/* What scanners and attackers put on the wire. */

const NO_REQUEST_LINE = unreadable(
  "the first line is not METHOD PATH HTTP/1.1",
);
const NO_HEADER = unreadable("a header is not NAME: VALUE");
const TOO_LONG_PATH = unreadable(
  "the path is longer than 16384 bytes",
  "414 URI Too Long",
);
const TOO_LONG_HEAD = unreadable(
  "the headers are longer than 32768 bytes",
  "431 Request Header Fields Too Large",
);
const TOO_MANY_HEADERS = unreadable(
  "there are more than 100 headers",
  "431 Request Header Fields Too Large",
);

const NO_HOST = unreadable("Host is not NAME or NAME:PORT");

const CASES: readonly RawCase[] = [
  // Methods.
  ["a lower-case method", `get ${K} HTTP/1.1\r\n${H}\r\n`, cannot("get")],
  [
    "POST",
    `POST ${K} HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\nhi`,
    cannot("POST"),
  ],
  ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${H}\r\n`, cannot("OPTIONS")],
  ["TRACE", `TRACE ${K} HTTP/1.1\r\n${H}\r\n`, cannot("TRACE")],
  ["CONNECT", `CONNECT 10.0.0.9:22 HTTP/1.1\r\n${H}\r\n`, cannot("CONNECT")],
  ["PROPFIND", `PROPFIND / HTTP/1.1\r\n${H}\r\n`, cannot("PROPFIND")],
  // Paths that would lead elsewhere.
  [
    "dot segments",
    get("/stable/arm64/../../etc/passwd"),
    noFile("../../etc/passwd"),
  ],
  [
    "dot segments to a file that is served",
    get("/x/../stable/arm64/kernel"),
    noImage("x/.."),
  ],
  ["a dot segment as the file", get("/stable/arm64/.."), noFile("..")],
  ["encoded dots", get("/stable/arm64/%2e%2e"), noFile("..")],
  [
    "encoded slashes",
    get("/stable/arm64/..%2f..%2fetc%2fpasswd"),
    noFile("../../etc/passwd"),
  ],
  ["twice encoded", get("/stable/arm64/%252e%252e"), noFile("%2e%2e")],
  ["overlong UTF-8", get("/stable/arm64/%c0%ae"), noFile("%c0%ae")],
  ["backslashes", get("/stable/arm64/..\\..\\x"), noFile("..\\..\\x")],
  ["an encoded NUL", get("/stable/arm64/vmlinuz%00"), noFile("vmlinuz?")],
  ["a broken escape", get("/stable/arm64/%zz"), noFile("%zz")],
  ["escape sequences", get("/stable/arm64/%1b[2J"), noFile("?[2J")],
  [
    "a file that the manifest does not list",
    get("/stable/arm64/notes.txt"),
    noFile("notes.txt"),
  ],
  [
    "an image that is not here",
    get("/beta/arm64/kernel"),
    noImage("beta/arm64"),
  ],
  [
    "a name that no image may have",
    get("/.git/arm64/kernel"),
    noImage(".git/arm64"),
  ],
  [
    "a very long path",
    get(`/${"a".repeat(9000)}`),
    nothingAt(
      `/${"a".repeat(78)}\u2026`,
    ),
  ],
  // What is no HTTP, or not surely.
  ["a NUL in the path", get("/stable/\0"), NO_REQUEST_LINE, "closed"],
  [
    "a path beyond 64 KiB",
    get(`/${"a".repeat(70_000)}`),
    TOO_LONG_PATH,
    "closed",
  ],
  [
    "a path that is just too long",
    get(`/${"a".repeat(16_384)}`),
    TOO_LONG_PATH,
    "closed",
  ],
  [
    "a path that never ends",
    `GET /${"a".repeat(40_000)}`,
    TOO_LONG_PATH,
    "closed",
  ],
  [
    "a path without a slash",
    get("stable"),
    unreadable("the path does not begin with /"),
    "closed",
  ],
  ["GET *", get("*"), unreadable("the path does not begin with /"), "closed"],
  [
    "GET of an authority",
    get("10.0.0.9:22"),
    unreadable("the path does not begin with /"),
    "closed",
  ],
  ["a blank in the path", get("/a b"), NO_REQUEST_LINE, "closed"],
  ["a tab in the path", get("/a\tb"), NO_REQUEST_LINE, "closed"],
  [
    "two blanks before the path",
    `GET  ${K} HTTP/1.1\r\n${H}\r\n`,
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "a blank before the method",
    ` GET ${K} HTTP/1.1\r\n${H}\r\n`,
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "a blank after the version",
    get(K, H, "HTTP/1.1 "),
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "a method that is no token",
    `G@T ${K} HTTP/1.1\r\n${H}\r\n`,
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "a carriage return alone in the request line",
    `GET ${K}\rX HTTP/1.1\r\n${H}\r\n`,
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "a path in place of a version",
    "GET / \r\n\r\n",
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "words before the method",
    `Extra line${get(K)}`,
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "a header behind a carriage return",
    get(K, `${H}\rX: a\r\n`),
    NO_HEADER,
    "closed",
  ],
  [
    "a name with brackets",
    get(K, `${H}X[]: a\r\n`),
    NO_HEADER,
    "closed",
  ],
  ["HTTP/0.9", `GET ${K}\r\n\r\n`, NO_REQUEST_LINE, "closed"],
  ["a version in lower case", get(K, H, "http/1.1"), NO_REQUEST_LINE, "closed"],
  [
    "a version with three digits",
    get(K, H, "HTTP/1.10"),
    NO_REQUEST_LINE,
    "closed",
  ],
  [
    "a version that there is not",
    get(K, H, "HTTP/9.9"),
    unreadable("HTTP/9 is not supported", "505 HTTP Version Not Supported"),
    "closed",
  ],
  [
    "the preface of HTTP/2",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    unreadable("HTTP/2 is not supported", "505 HTTP Version Not Supported"),
    "closed",
  ],
  ["a header without a colon", get(K, `${H}nonsense\r\n`), NO_HEADER, "closed"],
  ["a header without a name", get(K, `${H}: a\r\n`), NO_HEADER, "closed"],
  ["a folded header", get(K, `${H}X: a\r\n b\r\n`), NO_HEADER, "closed"],
  ["a folded first header", get(K, ` ${H}`), NO_HEADER, "closed"],
  ["a blank before the colon", get(K, `${H}X : a\r\n`), NO_HEADER, "closed"],
  ["a NUL in a header", get(K, `${H}X: a\0b\r\n`), NO_HEADER, "closed"],
  [
    "a carriage return alone in a header",
    get(K, `${H}X: a\rRange: bytes=0-1\r\n`),
    NO_HEADER,
    "closed",
  ],
  ["two Hosts", get(K, H + H), unreadable("there are two Hosts"), "closed"],
  [
    "a Host and none",
    get(K, `${H}Host:\r\n`),
    unreadable("there are two Hosts"),
    "closed",
  ],
  ["a Host with a blank", get(K, "Host: a b\r\n"), NO_HOST, "closed"],
  ["a Host with a path", get(K, "Host: a/b\r\n"), NO_HOST, "closed"],
  ["a Host that is open", get(K, "Host: [::1\r\n"), NO_HOST, "closed"],
  ["a Host with two ports", get(K, "Host: a:b:c\r\n"), NO_HOST, "closed"],
  ["a Host with a user", get(K, "Host: a@b\r\n"), NO_HOST, "closed"],
  ["a list of Hosts", get(K, "Host: a, b\r\n"), NO_HOST, "closed"],
  ["a Host in another script", get(K, "Host: \xc3\xa9\r\n"), NO_HOST, "closed"],
  [
    "a malformed Host in HTTP/1.0",
    get(K, "Host: a b\r\n", "HTTP/1.0"),
    NO_HOST,
    "closed",
  ],
  [
    "200 headers",
    get(K, H + "X: a\r\n".repeat(200)),
    TOO_MANY_HEADERS,
    "closed",
  ],
  [
    "a header beyond 64 KiB",
    get(K, `${H}X: ${"a".repeat(70_000)}\r\n`),
    TOO_LONG_HEAD,
    "closed",
  ],
  [
    "headers that never end",
    `GET ${K} HTTP/1.1\r\n${"X: aaaaaaaa\r\n".repeat(3000)}`,
    TOO_LONG_HEAD,
    "closed",
  ],
  [
    "TLS",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    NO_REQUEST_LINE,
    "closed",
  ],
  ["nothing like HTTP", "\r\nhello?\r\n\r\n", NO_REQUEST_LINE, "closed"],
];

testRawRequests("hostile raw requests", CASES);
