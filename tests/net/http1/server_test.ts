import assert from "node:assert/strict";
import { AsyncQueue } from "../../../lib/core/async_queue.ts";
import { systemClock } from "../../../lib/core/clock.ts";
import { errorCode } from "../../../lib/core/error_code.ts";
import { bytesAnswer } from "../../../lib/net/http1/answers.ts";
import type {
  BytesAnswer,
  Exchange,
  HttpHandler,
} from "../../../lib/net/http1/handler.ts";
import {
  type HttpServer,
  openHttpServer,
} from "../../../lib/net/http1/server.ts";
import { httpFixture, KERNEL } from "../../support/http_fixture.ts";
import { servedImage } from "../../support/memory_catalog.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";
import { rawHttp } from "../../support/raw_http.ts";

function open(handler: HttpHandler, options: {
  port?: number;
  hostname?: string;
  drainTimeoutMs?: number;
  signal?: AbortSignal;
  logger?: MemoryLogger;
} = {}): HttpServer {
  return openHttpServer({
    handler,
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger: new MemoryLogger(),
    signal: new AbortController().signal,
    ...options,
  });
}

/** A text. */
function answerOf(text: string): BytesAnswer {
  return bytesAnswer(new TextEncoder().encode(text), { headers: {} });
}

/** Answers every request with a body that grows when the test says so. */
function slowHandler(lengthBytes: number): {
  handler: HttpHandler;
  send(bytes: number): void;
  requested: Promise<void>;
} {
  const { promise: requested, resolve: onRequest } = Promise.withResolvers<
    void
  >();
  const sent = new AsyncQueue<Uint8Array<ArrayBuffer>>();
  const reader = sent[Symbol.asyncIterator]();
  let left = lengthBytes;
  return {
    requested,
    send(bytes) {
      sent.push(new Uint8Array(bytes));
      left -= bytes;
      if (left === 0) sent.close();
    },
    handler: {
      answer() {
        onRequest();
        return {
          status: 200,
          headers: {},
          lengthBytes,
          body: {
            async read() {
              const { value, done } = await reader.next();
              return done ? undefined : value;
            },
            headroomBytes: 0,
            accepted: () => {},
            cancel: () => sent.close(),
          },
        };
      },
    },
  };
}

Deno.test("openHttpServer() takes a free port and answers on it", async () => {
  const { handler } = await httpFixture();
  await using server = open(handler);
  assert.equal(server.hostname, "127.0.0.1");
  assert.ok(server.port > 0);
  const response = await fetch(
    `http://127.0.0.1:${server.port}/stable/arm64/kernel`,
  );
  assert.equal(await response.text(), KERNEL);
});

Deno.test("a path that was asked for before is answered as it is now", async () => {
  const { handler, catalog, fileSystem } = await httpFixture();
  await using server = open(handler);
  const get = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, init);
  const path = "/stable/arm64/manifest.json";
  const first = await get(path);
  const etag = first.headers.get("etag") ?? "";
  const bytes = await first.bytes();
  for (let time = 0; time < 3; time++) {
    const again = await get(path);
    assert.deepEqual(
      [...again.headers].filter(([name]) => name !== "date"),
      [...first.headers].filter(([name]) => name !== "date"),
    );
    assert.deepEqual(await again.bytes(), bytes);
    assert.equal(await (await get("/stable/arm64/kernel")).text(), KERNEL);
  }
  const statusOf = async (path: string, init?: RequestInit) => {
    const response = await get(path, init);
    await response.body?.cancel();
    return response.status;
  };
  const headers = { "if-none-match": etag };
  assert.equal(await statusOf(path, { headers }), 304);
  assert.equal(await statusOf(path, { method: "HEAD" }), 200);
  assert.equal(await statusOf(path, { method: "POST" }), 405);

  fileSystem.file("/srv/stable/arm64/vmlinuz", "another kernel");
  catalog.set([
    await servedImage(
      fileSystem,
      { channel: "stable", arch: "arm64" },
      { kernel: "/srv/stable/arm64/vmlinuz" },
      { version: "2" },
    ),
  ]);
  const changed = await get(path);
  assert.notEqual(changed.headers.get("etag"), etag);
  assert.notDeepEqual(await changed.bytes(), bytes);
  assert.equal(
    await (await get("/stable/arm64/kernel")).text(),
    "another kernel",
  );
  catalog.set([]);
  assert.equal(await statusOf(path), 404);
  assert.equal(await statusOf("/stable/arm64/kernel"), 404);
  const { requests } = await (await get("/status")).json();
  assert.deepEqual(requests, [
    { method: "GET", status: 200, count: 9 },
    { method: "GET", status: 304, count: 1 },
    { method: "HEAD", status: 200, count: 1 },
    { method: "other", status: 405, count: 1 },
    { method: "GET", status: 404, count: 2 },
  ]);
});

for (
  const [name, host] of [
    ["with a port", "Host: 10.0.0.1:8080\r\n"],
    ["without a port, as UEFI sends it", "Host: 10.0.0.1\r\n"],
    ["absent", ""],
    ["of nothing", "Host:\r\n"],
  ] as const
) {
  Deno.test(`a Host header ${name} is accepted and never echoed`, async () => {
    const { handler } = await httpFixture();
    await using server = open(handler);
    const { text } = await rawHttp(server.port, [
      `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
    ]);
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(text, /10\.0\.0\.1/);
  });
}

Deno.test("HEAD over a socket has a length, no body, and keeps the connection", async () => {
  const { handler } = await httpFixture();
  await using server = open(handler);
  const head = "HEAD /stable/arm64/kernel HTTP/1.1\r\nHost: a\r\n\r\n";
  const get =
    "GET /stable/arm64/kernel HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const { text, closed } = await rawHttp(server.port, [head, get]);
  const [first, second, body] = text.split("\r\n\r\n");
  assert.match(first ?? "", new RegExp(`Content-Length: ${KERNEL.length}`));
  assert.match(second ?? "", new RegExp(`Content-Length: ${KERNEL.length}`));
  assert.equal(body, KERNEL);
  assert.ok(closed);
});

Deno.test("a download that cannot be finished ends short of its length", async () => {
  const { handler, fileSystem } = await httpFixture();
  await using server = open({
    async answer(head, exchange) {
      const answer = await handler.answer(head, exchange);
      fileSystem.overwrite("/srv/stable/arm64/vmlinuz", "x".repeat(26), "2027");
      return answer;
    },
  });
  const { text, closed } = await rawHttp(server.port, [
    "GET /stable/arm64/kernel HTTP/1.1\r\nHost: a\r\n\r\n",
  ]);
  assert.ok(closed);
  assert.ok(!text.endsWith("x"));
});

Deno.test("openHttpServer() says who asks, and for what", async () => {
  const seen: unknown[] = [];
  await using server = open({
    answer({ method, target }, { client }) {
      seen.push(client, method, target);
      return answerOf("x");
    },
  });
  await (await fetch(`http://127.0.0.1:${server.port}/a?b`)).text();
  assert.deepEqual(seen, ["127.0.0.1", "GET", "/a?b"]);
});

Deno.test("openHttpServer() answers 500 for a handler that fails, and logs it", async () => {
  const logger = new MemoryLogger();
  await using server = open({
    answer: () => Promise.reject(new Error("secret detail")),
  }, { logger });
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /secret/);
  assert.match(logger.lines.join(), /Cannot answer .*: secret detail/);
});

Deno.test("openHttpServer() throws what the system says of a busy port, or an address of another machine", async () => {
  const { handler } = await httpFixture();
  await using first = open(handler);
  for (
    const [options, code] of [
      [{ port: first.port }, "EADDRINUSE"],
      [{ hostname: "192.0.2.1" }, "EADDRNOTAVAIL"],
    ] as const
  ) {
    assert.throws(
      () => open(handler, options),
      (error) => errorCode(error) === code,
    );
  }
});

Deno.test("openHttpServer() knows an IPv4 client on an IPv6 socket", async () => {
  const clients: string[] = [];
  await using server = open({
    answer(_, { client }) {
      clients.push(client);
      return answerOf("x");
    },
  }, { hostname: "::ffff:127.0.0.1" });
  await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
  assert.deepEqual(clients, ["127.0.0.1"]);
});

Deno.test("disposing lets a running download finish, idle connections or not", async () => {
  const { handler, send, requested } = slowHandler(20);
  const server = open(handler, { drainTimeoutMs: 10_000 });
  using _idle = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  const download = fetch(`http://127.0.0.1:${server.port}/`)
    .then((response) => response.bytes());
  await requested;
  send(10);
  const disposed = server[Symbol.asyncDispose]();
  const late = await rawHttp(server.port, [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ]);
  assert.match(late.text, /^HTTP\/1\.1 503 .*retry-after: 5\r\n/is);
  send(10);
  assert.equal((await download).length, 20);
  await disposed;
  await assert.rejects(
    Deno.connect({ hostname: "127.0.0.1", port: server.port }),
  );
});

Deno.test("disposing breaks off what outlasts the drain timeout", async () => {
  const { handler, send, requested } = slowHandler(20);
  const server = open(handler, { drainTimeoutMs: 50 });
  const download = fetch(`http://127.0.0.1:${server.port}/`)
    .then((response) => response.bytes());
  await requested;
  send(10);
  await Promise.all([
    assert.rejects(download),
    server[Symbol.asyncDispose](),
  ]);
});

Deno.test("disposing is not held up by a client that does not read", async () => {
  const lengthBytes = 64 * 1024 * 1024;
  const { handler, send, requested } = slowHandler(lengthBytes);
  const server = open(handler, { drainTimeoutMs: 50 });
  using client = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  await client.write(
    new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
  );
  await requested;
  send(lengthBytes);
  await server[Symbol.asyncDispose]();
});

Deno.test("the signal ends the server without draining", async () => {
  const { handler, send, requested } = slowHandler(20);
  const abrupt = new AbortController();
  const server = open(handler, {
    drainTimeoutMs: 60_000,
    signal: abrupt.signal,
  });
  const download = fetch(`http://127.0.0.1:${server.port}/`)
    .then((response) => response.bytes());
  await requested;
  send(10);
  abrupt.abort();
  await assert.rejects(download);
  await server[Symbol.asyncDispose]();
});

const hasIpv6 = Deno.networkInterfaces()
  .some(({ address }) => address === "::1");
for (
  const [hostname, connect] of [
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["::1", "::1"],
    // A socket for both families: IPv4 stays IPv4.
    ["::", "127.0.0.1"],
  ] as const
) {
  const lacks = hostname.includes(":") && !hasIpv6 ? " (skipped: no IPv6)" : "";
  Deno.test(
    `a server on ${hostname} knows that a client came to ${connect}${lacks}`,
    {
      ignore: lacks !== "",
    },
    async () => {
      const exchanges: Exchange[] = [];
      await using server = open({
        answer(_, exchange) {
          exchanges.push(exchange);
          return answerOf("");
        },
      }, { hostname });
      using connection = await Deno.connect({
        hostname: connect,
        port: server.port,
      });
      const request = "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n";
      await connection.write(new TextEncoder().encode(request));
      await new Response(connection.readable).bytes();
      const host = connect.includes(":") ? `[${connect}]` : connect;
      assert.deepEqual(exchanges.map(({ serverUrl }) => serverUrl), [
        `http://${host}:${server.port}`,
      ]);
      assert.doesNotMatch(exchanges[0]?.client ?? "", /ffff/);
    },
  );
}
