import {
  BAD_REQUEST,
  cannot,
  get,
  H,
  K,
  noFile,
  noImage,
  nothingAt,
  type RawCase,
  testRawRequests,
} from "./raw_wire.ts";

/*
 * What scanners and attackers put on the wire. HTTP itself is read by Deno
 * (hyper): the cases that it refuses are here so that an upgrade that changes
 * them is noticed.
 */

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
    nothingAt("/stable/arm64/../../etc/passwd"),
  ],
  [
    "dot segments to a file that is served",
    get("/x/../stable/arm64/kernel"),
    nothingAt(
      "/x/../stable/arm64/kernel",
    ),
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
  // What hyper refuses.
  ["a NUL in the path", get("/stable/\0"), BAD_REQUEST, "closed"],
  [
    "a path beyond 64 KiB",
    get(`/${"a".repeat(70_000)}`),
    BAD_REQUEST,
    "closed",
  ],
  ["a path without a slash", get("stable"), BAD_REQUEST, "closed"],
  ["a blank in the path", get("/a b"), BAD_REQUEST, "closed"],
  ["a version that there is not", get(K, H, "HTTP/9.9"), BAD_REQUEST, "closed"],
  [
    "a header without a colon",
    get(K, `${H}nonsense\r\n`),
    BAD_REQUEST,
    "closed",
  ],
  ["a folded header", get(K, `${H}X: a\r\n b\r\n`), BAD_REQUEST, "closed"],
  ["a blank before the colon", get(K, `${H}X : a\r\n`), BAD_REQUEST, "closed"],
  ["a NUL in a header", get(K, `${H}X: a\0b\r\n`), BAD_REQUEST, "closed"],
  [
    "a length that is no number",
    get(K, `${H}Content-Length: x\r\n`),
    BAD_REQUEST,
    "closed",
  ],
  [
    "two lengths that differ",
    get(K, `${H}Content-Length: 1\r\nContent-Length: 2\r\n`),
    BAD_REQUEST,
    "closed",
  ],
  ["200 headers", get(K, H + "X: a\r\n".repeat(200)), BAD_REQUEST, "closed"],
  [
    "TLS",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    BAD_REQUEST,
    "closed",
  ],
  ["nothing like HTTP", "\r\nhello?\r\n\r\n", BAD_REQUEST, "closed"],
];

testRawRequests("hostile raw requests", CASES);
