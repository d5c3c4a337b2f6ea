import {
  cannot,
  get,
  H,
  HEALTH_200_CLOSE,
  K,
  type RawCase,
  testRawRequests,
  unreadable,
} from "../../support/raw_wire.ts";

/* Bodies of doubtful length: what follows is never taken for a request. */

const NO_HEADER = unreadable("a header is not NAME: VALUE");
const NO_LENGTH = unreadable("Content-Length is not a number");
const TWO_LENGTHS = unreadable("there are two Content-Lengths");
const NO_CODING = unreadable(
  "the only Transfer-Encoding here is chunked",
  "501 Not Implemented",
);
const NOT_LAST = unreadable("chunked is not the last Transfer-Encoding");
const NO_CODINGS = unreadable("Transfer-Encoding is not a list of codings");
const NO_CHUNK = unreadable(
  "a chunk's size is not a number, or a chunk extension is malformed",
);

/** What would be answered, were it taken for a second request. */
const SMUGGLED = get("/health");

const CASES: readonly RawCase[] = [
  [
    "a length that is no number",
    get(K, `${H}Content-Length: x\r\n`) + SMUGGLED,
    NO_LENGTH,
    "closed",
  ],
  [
    "a length with a sign",
    get(K, `${H}Content-Length: +5\r\n`) + SMUGGLED,
    NO_LENGTH,
    "closed",
  ],
  [
    "a length below nothing",
    get(K, `${H}Content-Length: -1\r\n`) + SMUGGLED,
    NO_LENGTH,
    "closed",
  ],
  [
    "a length in hexadecimal",
    get(K, `${H}Content-Length: 0x5\r\n`) + SMUGGLED,
    NO_LENGTH,
    "closed",
  ],
  [
    "a length beyond all numbers",
    get(K, `${H}Content-Length: 18446744073709551616\r\n`) + SMUGGLED,
    NO_LENGTH,
    "closed",
  ],
  [
    "a list of lengths",
    get(K, `${H}Content-Length: 5, 5\r\n`) + SMUGGLED,
    NO_LENGTH,
    "closed",
  ],
  [
    "two lengths that differ",
    get(K, `${H}Content-Length: 1\r\nContent-Length: 2\r\n`) + SMUGGLED,
    TWO_LENGTHS,
    "closed",
  ],
  [
    "two lengths that agree",
    get(K, `${H}Content-Length: 1\r\nContent-Length: 1\r\n`) + SMUGGLED,
    TWO_LENGTHS,
    "closed",
  ],
  [
    "a length and chunks",
    get(K, `${H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n`) +
    `0\r\n\r\n${SMUGGLED}`,
    unreadable("there are Content-Length and Transfer-Encoding"),
    "closed",
  ],
  [
    "chunks in HTTP/1.0",
    get(K, `${H}Transfer-Encoding: chunked\r\n`, "HTTP/1.0") + SMUGGLED,
    unreadable("HTTP/1.0 has no Transfer-Encoding"),
    "closed",
  ],
  [
    "a coding that there is not",
    get(K, `${H}Transfer-Encoding: gzip\r\n`) + SMUGGLED,
    NO_CODING,
    "closed",
  ],
  [
    "a coding under chunked that there is not",
    get(K, `${H}Transfer-Encoding: gzip, chunked\r\n`) + SMUGGLED,
    NO_CODING,
    "closed",
  ],
  [
    "chunked under another coding",
    get(K, `${H}Transfer-Encoding: chunked, gzip\r\n`) + SMUGGLED,
    NOT_LAST,
    "closed",
  ],
  [
    "chunked under no coding",
    get(K, `${H}Transfer-Encoding: chunked, identity\r\n`) + SMUGGLED,
    NOT_LAST,
    "closed",
  ],
  [
    "no coding at all",
    get(K, `${H}Transfer-Encoding:\r\n`) + SMUGGLED,
    NO_CODINGS,
    "closed",
  ],
  [
    "a coding in disguise",
    get(K, `${H}Transfer-Encoding: \x0bchunked\r\n`) + SMUGGLED,
    NO_HEADER,
    "closed",
  ],
  [
    "chunked twice",
    get(K, `${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`) +
    SMUGGLED,
    NOT_LAST,
    "closed",
  ],
  [
    "a chunk whose size is no number",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) + `zz\r\n${SMUGGLED}`,
    NO_CHUNK,
    "closed",
  ],
  [
    "a chunk that is longer than its size",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) +
    `1\r\nab\r\n0\r\n\r\n${SMUGGLED}`,
    unreadable("a chunk has no end"),
    "closed",
  ],
  [
    "a chunk with line feeds alone",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) +
    `1\na\n0\n\n${SMUGGLED}`,
    unreadable("a line ends without CR LF"),
    "closed",
  ],
  [
    "a huge chunk",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) +
    `ffffffff\r\n${SMUGGLED}`,
    unreadable("a chunk is too long"),
    "closed",
  ],
  [
    "a chunk with a malformed extension",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) +
    `5;a="b\r\nhello\r\n0\r\n\r\n${SMUGGLED}`,
    NO_CHUNK,
    "closed",
  ],
  [
    "a chunk with too much of an extension",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) +
    `5;${"a".repeat(2000)}\r\nhello\r\n0\r\n\r\n${SMUGGLED}`,
    unreadable("the header is too long"),
    "closed",
  ],
  [
    "chunks with extensions without end",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) +
    `1;${"a".repeat(1000)}\r\nb\r\n`.repeat(100) + SMUGGLED,
    HEALTH_200_CLOSE,
    "closed",
  ],
  [
    "a body that is too long to read over",
    get("/health", `${H}Content-Length: 10000000\r\n`) + SMUGGLED,
    HEALTH_200_CLOSE,
    "closed",
  ],
  [
    "POST of a body that is held back",
    `POST ${K} HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    cannot("POST", { Connection: "close" }),
    "closed",
  ],
];

testRawRequests("requests with bodies of doubtful length", CASES);
