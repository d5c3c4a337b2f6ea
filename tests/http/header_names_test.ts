/**
 * How the names of headers are written on the wire. GRUB, edk2 and others
 * compare bytes, so that one answer in lower case is one that cannot be read.
 */
import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import type { TransferLimits } from "../../lib/http/artifacts/transfers.ts";
import { type HttpServer, openHttpServer } from "../../lib/net/http1/server.ts";
import {
  type HttpFixture,
  httpFixture,
  request,
} from "../support/http_fixture.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { rawHttp } from "../support/raw_http.ts";

const fixture = await httpFixture();
const [stable] = fixture.catalog.images();
if (stable === undefined) throw new Error("no image");
const KERNEL_SHA256 = stable.artifacts.get("kernel")?.sha256 ?? "";
const KERNEL = "/stable/arm64/kernel";
const MANIFEST = "/stable/arm64/manifest.json";

const ROUTES: readonly string[] = [
  ...["/", "/health", "/ready", "/status", "/metrics", "/boot.ipxe"],
  ...["/manifest.json", MANIFEST, "/stable/arm64/boot.ipxe"],
  ...["/stable/arm64/grub.cfg", KERNEL, "/stable/arm64/vmlinuz"],
  ...["/stable/arm64/Board-4.dtb", `/blobs/sha256/${KERNEL_SHA256}`],
  ...["/trust/1.json", "/trust/9.json", "/nothing", "/stable/arm64/nothing"],
  ...["/beta/arm64/kernel", "/blobs/sha256/0"],
];

function ask(
  target: string,
  { method = "GET", headers = "", version = "1.1" } = {},
): string {
  return `${method} ${target} HTTP/${version}\r\nHost: a\r\n${headers}\r\n`;
}

/** Whatever each route and each refusal is asked with, and its status. */
const REQUESTS: readonly (readonly [sent: string, status?: number])[] = [
  ...ROUTES.flatMap((route) => [
    [ask(route)] as const,
    // Once more: some answers are remembered.
    [ask(route)] as const,
    [ask(route, { method: "HEAD" })] as const,
    [ask(route, { headers: "Connection: close\r\n" })] as const,
    [ask(route, { version: "1.0" })] as const,
    [
      ask(route, { version: "1.0", headers: "Connection: keep-alive\r\n" }),
    ] as const,
    [ask(route, { headers: "Range: bytes=0-3\r\n" })] as const,
    [ask(route, { headers: "If-None-Match: *\r\n" })] as const,
    [ask(route, { method: "POST" }), 405] as const,
  ]),
  [ask("/", { headers: "Accept: text/html\r\n" }), 200],
  [ask(KERNEL, { headers: "Range: bytes=0-3\r\n" }), 206],
  [ask(KERNEL, { headers: "If-None-Match: *\r\n" }), 304],
  [ask(MANIFEST, { headers: "If-None-Match: *\r\n" }), 304],
  [ask(KERNEL, { headers: 'If-Match: "other"\r\n' }), 412],
  [ask(MANIFEST, { headers: 'If-Match: "other"\r\n' }), 412],
  [ask(KERNEL, { headers: "Range: bytes=99-\r\n" }), 416],
  ["nonsense\r\n\r\n", 400],
  [ask("/", { headers: "Content-Length: x\r\n" }), 400],
  [ask("/", { headers: "Transfer-Encoding: gzip\r\n" }), 501],
  [ask("/", { version: "2.0" }), 505],
  [ask(`/${"x".repeat(70_000)}`), 414],
  [ask("/", { headers: `X: ${"x".repeat(70_000)}\r\n` }), 431],
  [ask("/", { headers: "X: y\r\n".repeat(101) }), 431],
];

/** Fails when a header of an answer is not written as all servers write it. */
function assertWritten(answer: string, asked: string): number {
  const [head = ""] = answer.split("\r\n\r\n");
  const [statusLine = "", ...fields] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3}) [A-Z]/.exec(statusLine)?.[1];
  assert.ok(status !== undefined, `${asked}: ${statusLine}`);
  assert.ok(fields.length >= 2, `${asked}: ${head}`);
  for (const field of fields) {
    assert.match(
      field,
      /^(ETag|WWW-Authenticate|[A-Z][a-z]*(-[A-Z][a-z]*)*): \S/,
      `${asked} is answered ${statusLine} with ${field}`,
    );
  }
  return Number(status);
}

function open(
  { handler }: HttpFixture,
  timeouts: { readonly headMs?: number } = {},
): HttpServer {
  return openHttpServer({
    handler,
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    timeouts,
    logger: new MemoryLogger(),
    signal: new AbortController().signal,
  });
}

/** What one request is answered, as far as the end of the head. */
async function answerTo(server: HttpServer, sent: string): Promise<string> {
  const { text } = await rawHttp(server.port, [sent], {
    enough: (text) => text.includes("\r\n\r\n"),
    quietMs: 1,
    patienceMs: 5000,
  });
  return text;
}

async function statusOf(server: HttpServer, sent: string): Promise<number> {
  const asked = sent.slice(0, 80).replaceAll("\r\n", " | ");
  return assertWritten(await answerTo(server, sent), asked);
}

Deno.test("every answer writes the names of its headers as all servers do", async () => {
  await using server = open(fixture);
  const seen = new Set<number>();
  for (const [sent, wanted] of REQUESTS) {
    const status = await statusOf(server, sent);
    if (wanted !== undefined) assert.equal(status, wanted, sent.slice(0, 80));
    seen.add(status);
  }
  assert.deepEqual(
    [...seen].sort(),
    [200, 206, 304, 400, 404, 405, 412, 414, 416, 431, 501, 505],
  );
});

Deno.test("a request that does not arrive in time is answered with such names, too", async () => {
  await using server = open(fixture, { headMs: 10 });
  assert.equal(await statusOf(server, "GET / HTTP/1.1\r\n"), 408);
});

for (
  const [name, status, limits, spoil] of [
    [
      "is being replaced",
      503,
      {},
      ({ fileSystem }: HttpFixture) =>
        fileSystem.remove("/srv/stable/arm64/vmlinuz"),
    ],
    [
      "may not be read",
      500,
      {},
      ({ fileSystem }: HttpFixture) =>
        fileSystem.setReadable("/srv/stable/arm64/vmlinuz", false),
    ],
    [
      "is one too many to download",
      503,
      { maxConnections: 1 },
      (fixture: HttpFixture) =>
        request(fixture, KERNEL, { client: "127.0.0.1" }),
    ],
  ] as const satisfies readonly (readonly [
    string,
    number,
    Partial<TransferLimits>,
    (fixture: HttpFixture) => unknown,
  ])[]
) {
  Deno.test(`a file that ${name} is answered with such names, too`, async () => {
    const spoilt = await httpFixture(limits);
    await spoil(spoilt);
    await using server = open(spoilt);
    assert.equal(await statusOf(server, ask(KERNEL)), status);
    assert.equal(await statusOf(server, ask(KERNEL)), status);
  });
}
