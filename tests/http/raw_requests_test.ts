import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import { openHttpServer } from "../../lib/http/server.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { rawHttp } from "../support/raw_http.ts";
import { httpFixture, KERNEL } from "./http_fixture.ts";
import {
  answer,
  BAD_REQUEST,
  comparable,
  json,
  refusal,
} from "./wire_answers.ts";

/*
 * What firmware, scripts and attackers put on the wire, and the bytes that
 * answer them. HTTP itself is read by Deno (hyper): the cases that it refuses
 * are here so that an upgrade that changes them is noticed.
 */

const fixture = await httpFixture();
const [served] = fixture.catalog.images();
const kernel = served?.artifacts.get("kernel");
if (served === undefined || kernel === undefined) throw new Error("no kernel");

const H = "Host: 10.0.0.1:8080\r\n";
const NOT_FOUND = "404 Not Found";

function get(target: string, headers = H, version = "HTTP/1.1"): string {
  return `GET ${target} ${version}\r\n${headers}\r\n`;
}

const ABOUT_KERNEL = {
  etag: `"${kernel.sha256}"`,
  "last-modified": "Sun, 22 Nov 2026 10:00:00 GMT",
  "cache-control": "no-cache",
  "accept-ranges": "bytes",
};
const KERNEL_HEADERS = {
  ...ABOUT_KERNEL,
  "content-type": "application/octet-stream",
  "content-length": String(KERNEL.length),
  "x-content-type-options": "nosniff",
};
const KERNEL_200 = answer("200 OK", KERNEL_HEADERS, KERNEL);
const KERNEL_HEAD = answer("200 OK", KERNEL_HEADERS);
const KERNEL_304 = answer("304 Not Modified", ABOUT_KERNEL);
const HEALTH_200 = json("200 OK", '{"status":"ok"}');

function kernel206(first: number, last: number): string {
  return answer(
    "206 Partial Content",
    {
      ...KERNEL_HEADERS,
      "content-length": String(last - first + 1),
      "content-range": `bytes ${first}-${last}/${KERNEL.length}`,
    },
    KERNEL.slice(first, last + 1),
  );
}

function nothingAt(path: string): string {
  return refusal(NOT_FOUND, `Nothing at ${path}: / lists what is served`);
}

function noFile(name: string): string {
  return refusal(
    NOT_FOUND,
    `stable/arm64 has no ${
      JSON.stringify(name)
    }; it has manifest.json, kernel (vmlinuz), initramfs (initramfs.img), Board-4.dtb`,
  );
}

function noImage(name: string): string {
  return refusal(
    NOT_FOUND,
    `No image ${name} here; served: stable/arm64, testing/x86_64`,
  );
}

function cannot(method: string): string {
  return refusal(
    "405 Method Not Allowed",
    `Cannot ${method}: everything here is for GET and HEAD`,
    { allow: "GET, HEAD" },
  );
}

const OUT_OF_BOUNDS = refusal(
  "416 Range Not Satisfiable",
  "stable/arm64/vmlinuz has 26 bytes",
  { "content-range": "bytes */26" },
);

const K = "/stable/arm64/kernel";

type Case = readonly [
  name: string,
  sent: string | readonly string[],
  want: string,
  closed?: "closed",
];

const CASES: readonly Case[] = [
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
  ["a Host that is no host", get(K, "Host: a b\r\n"), KERNEL_200],
  ["a Host in another script", get(K, "Host: \xc3\xa9\r\n"), KERNEL_200],
  [
    "HTTP/1.0, which ends with the connection",
    get(K, "", "HTTP/1.0"),
    answer("200 OK", KERNEL_HEADERS, KERNEL, "HTTP/1.0"),
    "closed",
  ],
  [
    // Deno says keep-alive and closes all the same: no client can be hurt.
    "HTTP/1.0 that asks to keep the connection",
    get(K, "Connection: keep-alive\r\n", "HTTP/1.0"),
    answer(
      "200 OK",
      { ...KERNEL_HEADERS, connection: "keep-alive" },
      KERNEL,
      "HTTP/1.0",
    ),
    "closed",
  ],
  [
    "Connection: close",
    get(K, `${H}Connection: close\r\n`),
    answer("200 OK", { ...KERNEL_HEADERS, connection: "close" }, KERNEL),
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
    get(`/blobs/sha256/${kernel.sha256}`),
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
    get(K, `${H}Range: bytes=0-3\r\nIf-Range: "${kernel.sha256}"\r\n`),
    kernel206(0, 3),
  ],
  [
    "If-Range that does not hold",
    get(K, `${H}Range: bytes=0-3\r\nIf-Range: "old"\r\n`),
    KERNEL_200,
  ],
  [
    "If-None-Match",
    get(K, `${H}If-None-Match: "${kernel.sha256}"\r\n`),
    KERNEL_304,
  ],
  [
    "If-Modified-Since",
    get(K, `${H}If-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT\r\n`),
    KERNEL_304,
  ],
  [
    "304, then another request on the connection",
    get(K, `${H}If-None-Match: *\r\n`) + get("/health"),
    KERNEL_304 + HEALTH_200,
  ],
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

Deno.test("raw requests", async (t) => {
  await using server = openHttpServer({
    app: fixture.app,
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger: new MemoryLogger(),
    signal: new AbortController().signal,
  });
  for (const [name, sent, want, closed] of CASES) {
    await t.step(name, async () => {
      // Bytes on the wire, one character each.
      const bytes = String.fromCharCode(...new TextEncoder().encode(want));
      const wanted = comparable(bytes);
      const got = await rawHttp(
        server.port,
        typeof sent === "string" ? [sent] : sent,
        {
          enough: (text) => comparable(text) === wanted,
          // What is too much comes within moments after what is enough.
          quietMs: 30,
          patienceMs: 5000,
        },
      );
      assert.equal(comparable(got.text), wanted);
      assert.equal(got.closed, closed === "closed");
    });
  }
  assert.equal(fixture.fileSystem.openCount, 0);
});
