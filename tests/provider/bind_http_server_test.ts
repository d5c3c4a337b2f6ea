import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import { UserError } from "../../lib/core/errors.ts";
import type { HttpServer } from "../../lib/net/http1/server.ts";
import { bindHttpServer } from "../../lib/provider/bind_http_server.ts";
import { httpFixture } from "../support/http_fixture.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const { handler } = await httpFixture();

function bind(options: { port?: number; hostname?: string } = {}): HttpServer {
  return bindHttpServer({
    handler,
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger: new MemoryLogger(),
    signal: new AbortController().signal,
    ...options,
  });
}

Deno.test("bindHttpServer() says who is to yield when the port is busy", async () => {
  await using first = bind();
  assert.throws(() => bind({ port: first.port }), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(
      error.message,
      `Cannot serve HTTP on 127.0.0.1 port ${first.port}: another program uses it; stop that program or choose another port with --port`,
    );
    return true;
  });
});

Deno.test("bindHttpServer() says when the machine lacks the address", () => {
  assert.throws(
    () => bind({ hostname: "192.0.2.1" }),
    (error) => error instanceof UserError && /--bind/.test(error.message),
  );
});
