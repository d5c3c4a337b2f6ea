import { KERNEL } from "../../support/http_fixture.ts";
import {
  answer,
  get,
  H,
  HEALTH_200,
  HEALTH_200_CLOSE,
  K,
  kernel206,
  KERNEL_200,
  KERNEL_304,
  KERNEL_HEAD,
  KERNEL_HEADERS,
  KERNEL_SHA256,
  OUT_OF_BOUNDS,
  type RawCase,
  testRawRequests,
} from "../../support/raw_wire.ts";

/* What firmware and other clients put on the wire. */

const CASES: readonly RawCase[] = [
  // As firmware does it.
  [
    "iPXE",
    get(K, `Connection: keep-alive\r\nUser-Agent: iPXE/1.0.0+\r\n${H}`),
    KERNEL_200,
  ],
  [
    "UEFI HTTP boot: HEAD, Host without port",
    `HEAD ${K} HTTP/1.1\r\nHost: 10.0.0.1\r\nAccept: */*\r\nUser-Agent: UefiHttpBoot/1.0\r\n\r\n`,
    KERNEL_HEAD,
  ],
  [
    "UEFI HTTP boot: HEAD, then GET on the same connection",
    [
      `HEAD ${K} HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n`,
      get(K, "Host: 10.0.0.1\r\n"),
    ],
    KERNEL_HEAD + KERNEL_200,
  ],
  ["GRUB: HTTP/1.1 without more headers", get(K), KERNEL_200],
  ["no Host", get(K, ""), KERNEL_200],
  ["a Host of nothing", get(K, "Host:\r\n"), KERNEL_200],
  ["a Host of IPv6", get(K, "Host: [fe80::1]:8080\r\n"), KERNEL_200],
  [
    "HTTP/1.0, which ends with the connection",
    get(K, "", "HTTP/1.0"),
    answer("200 OK", KERNEL_HEADERS, KERNEL, "HTTP/1.0"),
    "closed",
  ],
  [
    "HTTP/1.0 that asks to keep the connection",
    get(K, "Connection: keep-alive\r\n", "HTTP/1.0"),
    answer(
      "200 OK",
      { ...KERNEL_HEADERS, Connection: "keep-alive" },
      KERNEL,
      "HTTP/1.0",
    ),
  ],
  [
    "two requests of HTTP/1.0 on one connection",
    get("/health", "Connection: Keep-Alive\r\n", "HTTP/1.0") +
    get("/health", "", "HTTP/1.0"),
    HEALTH_200.replace("HTTP/1.1", "HTTP/1.0")
      .replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n") +
    HEALTH_200.replace("HTTP/1.1", "HTTP/1.0"),
    "closed",
  ],
  [
    "HTTP/1.2, which is answered as 1.1",
    get("/health", H, "HTTP/1.2"),
    HEALTH_200,
  ],
  [
    "Connection: close, and a request after it",
    get("/health", `${H}Connection: close\r\n`) + get(K),
    HEALTH_200_CLOSE,
    "closed",
  ],
  [
    "Connection: close",
    get(K, `${H}Connection: close\r\n`),
    answer("200 OK", { ...KERNEL_HEADERS, Connection: "close" }, KERNEL),
    "closed",
  ],
  ["absolute form", get(`http://10.0.0.1:8080${K}`), KERNEL_200],
  ["absolute form of another host", get(`http://other${K}`), KERNEL_200],
  ["a query with iPXE settings", get(`${K}?mac=52%3A54%3A00`), KERNEL_200],
  ["a doubled slash", get("//stable//arm64//kernel"), KERNEL_200],
  ["a trailing slash", get(`${K}/`), KERNEL_200],
  ["an alias of the architecture", get("/stable/aarch64/kernel"), KERNEL_200],
  ["upper case", get("/STABLE/ARM64/VMLINUZ"), KERNEL_200],
  ["percent-encoded letters", get("/%73table/%61rm64/%6Bernel"), KERNEL_200],
  [
    "by hash",
    get(`/blobs/sha256/${KERNEL_SHA256}`),
    KERNEL_200.replace(
      "no-cache",
      "public, max-age=31536000, immutable",
    ),
  ],
  [
    "two requests in one segment",
    get(K) + get("/health"),
    KERNEL_200 + HEALTH_200,
  ],
  ["two requests in two segments", [get(K), get(K)], KERNEL_200 + KERNEL_200],
  [
    "a header split over segments",
    ["GET /stable/ar", "m64/kernel HTTP", "/1.1\r\nHo", "st: a\r", "\n\r\n"],
    KERNEL_200,
  ],
  [
    "bare line feeds",
    `GET ${K} HTTP/1.1\nHost: a\n\n`,
    KERNEL_200,
  ],
  ["empty lines before the request", `\r\n\r\n${get(K)}`, KERNEL_200],
  [
    "a body on GET, which is read over",
    `${get(K, `${H}Content-Length: 5\r\n`)}hello${get("/health")}`,
    KERNEL_200 + HEALTH_200,
  ],
  [
    "a body on GET that looks like a request",
    `${get("/health", `${H}Content-Length: ${get(K).length}\r\n`)}${get(K)}`,
    HEALTH_200,
  ],
  [
    "a chunked body on GET",
    `${
      get("/health", `${H}Transfer-Encoding: chunked\r\n`)
    }5\r\nhello\r\n0\r\n\r\n`,
    HEALTH_200,
  ],
  [
    "chunks with extensions and trailers, then another request",
    get("/health", `${H}Transfer-Encoding: Chunked\r\n`) +
    "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n" + get(K),
    HEALTH_200 + KERNEL_200,
  ],
  [
    "chunk extensions in all their forms",
    get("/health", `${H}Transfer-Encoding: chunked\r\n`) +
    '5 ; a = "x;\\"y" ;b\r\nhello\r\n0;c=d\r\n\r\n' + get(K),
    HEALTH_200 + KERNEL_200,
  ],
  [
    "chunks that are split over segments",
    [
      get("/health", `${H}Transfer-Encoding: chunked\r\n`) + "5\r",
      "\nhel",
      "lo\r\n",
      "0\r\n\r",
      `\n${get(K)}`,
    ],
    HEALTH_200 + KERNEL_200,
  ],
  [
    "a body of nothing",
    get("/health", `${H}Content-Length: 0\r\n`) + get(K),
    HEALTH_200 + KERNEL_200,
  ],
  [
    "twenty requests at once, answered in order",
    (get("/health") + get(K)).repeat(10),
    (HEALTH_200 + KERNEL_200).repeat(10),
  ],
  [
    "a request byte by byte",
    [...get("/health")],
    HEALTH_200,
  ],
  [
    "bytes beyond ASCII in a header",
    get(K, `${H}X: \xff\xfe\r\n`),
    KERNEL_200,
  ],
  [
    "a header without a value, and one in tabs",
    get(K, `${H}X:\r\nRange:\tbytes=0-3\t\r\n`),
    kernel206(0, 3),
  ],
  [
    "header names in any case",
    get(K, `hOST: a\r\nRANGE: bytes=0-3\r\n`),
    kernel206(0, 3),
  ],
  [
    "Accept-Encoding, without effect",
    get(K, `${H}Accept-Encoding: gzip, br\r\n`),
    KERNEL_200,
  ],
  [
    "Expect: 100-continue without a body",
    get("/health", `${H}Expect: 100-continue\r\n`),
    HEALTH_200,
  ],
  [
    "an offer to change to HTTP/2",
    get("/health", `${H}Connection: Upgrade\r\nUpgrade: h2c\r\n`),
    HEALTH_200,
  ],
  // Ranges and conditions.
  ["the first bytes", get(K, `${H}Range: bytes=0-3\r\n`), kernel206(0, 3)],
  ["the last bytes", get(K, `${H}Range: bytes=-4\r\n`), kernel206(22, 25)],
  ["from the middle on", get(K, `${H}Range: bytes=20-\r\n`), kernel206(20, 25)],
  ["past the end", get(K, `${H}Range: bytes=20-99\r\n`), kernel206(20, 25)],
  ["all of it as a range", get(K, `${H}Range: bytes=0-\r\n`), kernel206(0, 25)],
  ["a range out of bounds", get(K, `${H}Range: bytes=26-\r\n`), OUT_OF_BOUNDS],
  ["the last no bytes", get(K, `${H}Range: bytes=-0\r\n`), OUT_OF_BOUNDS],
  ["iPXE's bytes=u-u", get(K, `${H}Range: bytes=u-u\r\n`), KERNEL_200],
  [
    "iPXE's overflow",
    get(K, `${H}Range: bytes=-18446744073709551615-4\r\n`),
    KERNEL_200,
  ],
  ["two ranges", get(K, `${H}Range: bytes=0-1,4-5\r\n`), KERNEL_200],
  [
    "two Range headers, which are one list",
    get(K, `${H}Range: bytes=0-1\r\nRange: bytes=4-5\r\n`),
    KERNEL_200,
  ],
  ["a range of something else", get(K, `${H}Range: lines=0-1\r\n`), KERNEL_200],
  [
    "If-Range that holds",
    get(K, `${H}Range: bytes=0-3\r\nIf-Range: "${KERNEL_SHA256}"\r\n`),
    kernel206(0, 3),
  ],
  [
    "If-Range that does not hold",
    get(K, `${H}Range: bytes=0-3\r\nIf-Range: "old"\r\n`),
    KERNEL_200,
  ],
  [
    "If-None-Match",
    get(K, `${H}If-None-Match: "${KERNEL_SHA256}"\r\n`),
    KERNEL_304,
  ],
  [
    "If-Modified-Since",
    get(K, `${H}If-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT\r\n`),
    KERNEL_304,
  ],
  [
    "If-Modified-Since a day that there is not",
    get(K, `${H}If-Modified-Since: Fri, 31 Feb 2028 10:00:00 GMT\r\n`),
    KERNEL_200,
  ],
  [
    "If-Modified-Since a time that there is not",
    get(K, `${H}If-Modified-Since: Mon, 22 Nov 2027 99:99:99 GMT\r\n`),
    KERNEL_200,
  ],
  [
    "If-Range with a day that there is not",
    get(
      K,
      `${H}Range: bytes=0-3\r\nIf-Range: Sat, 53 Oct 2026 10:00:00 GMT\r\n`,
    ),
    KERNEL_200,
  ],
  [
    "If-Unmodified-Since a day that there is not",
    get(K, `${H}If-Unmodified-Since: Fri, 31 Feb 2020 10:00:00 GMT\r\n`),
    KERNEL_200,
  ],
  [
    "304, then another request on the connection",
    get(K, `${H}If-None-Match: *\r\n`) + get("/health"),
    KERNEL_304 + HEALTH_200,
  ],
];

testRawRequests("raw requests", CASES);
