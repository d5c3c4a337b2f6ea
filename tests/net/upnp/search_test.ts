import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { searchGateway } from "../../../lib/net/upnp/search.ts";

const { signal } = new AbortController();

/** Somebody on 127.0.0.1 who answers searches; not the multicast group. */
async function openResponder(
  answer: (request: string) => string | undefined,
): Promise<{ group: { address: string; port: number } } & AsyncDisposable> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const text = answer(bytes.toString());
    if (text !== undefined) socket.send(text, from.port, from.address);
  });
  await new Promise<void>((resolve) =>
    socket.bind({ address: "127.0.0.1", port: 0 }, resolve)
  );
  return {
    group: { address: "127.0.0.1", port: socket.address().port },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        socket.close(() => resolve());
      }),
  };
}

function located(location: string): string {
  return `HTTP/1.1 200 OK\r\nLOCATION: ${location}\r\n\r\n`;
}

Deno.test("searchGateway() takes the first that describes itself", async () => {
  let requests = 0;
  await using responder = await openResponder((request) => {
    assert.match(request, /^M-SEARCH \* HTTP\/1\.1\r\n/);
    assert.match(request, /\r\nST: \S+InternetGatewayDevice:1\r\n/);
    // The first is lost on the way, the second comes from a liar.
    requests++;
    if (requests === 1) return undefined;
    return located(
      requests === 2 ? "http://192.0.2.66/x" : "http://127.0.0.1:5000/x",
    );
  });
  const found = await searchGateway("127.0.0.1", {
    clock,
    signal,
    group: responder.group,
  });
  assert.deepEqual(found, {
    ok: true,
    value: new URL("http://127.0.0.1:5000/x"),
  });
});

Deno.test("searchGateway() ends without an answer", async () => {
  await using responder = await openResponder(() => undefined);
  const found = await searchGateway("127.0.0.1", {
    clock,
    signal,
    group: responder.group,
  });
  assert.deepEqual(found, { ok: false, reason: "no router answered" });
});

Deno.test("searchGateway() ends with its signal", async () => {
  await using responder = await openResponder(() => undefined);
  const controller = new AbortController();
  const found = searchGateway("127.0.0.1", {
    clock,
    signal: controller.signal,
    group: responder.group,
  });
  controller.abort();
  assert.deepEqual(await found, { ok: false, reason: "interrupted" });
});

Deno.test("searchGateway() says that an address is not this machine's", async () => {
  const found = await searchGateway("192.0.2.1", { clock, signal });
  assert.equal(found.ok, false);
});
