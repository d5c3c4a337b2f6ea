import assert from "node:assert/strict";
import { type FaultKind, runFaultyProxy } from "./faulty_proxy.ts";

const BODY = "0123456789".repeat(20_000);

/** A client of a server whose proxy does something wrong with /file. */
function behindProxy(kind: FaultKind) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response(BODY, { headers: { "Content-Length": `${BODY.length}` } }),
  );
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running = runFaultyProxy({
    listener,
    upstream: server.addr,
    fault: { kind, method: "GET", path: "^/file$" },
  });
  const client = Deno.createHttpClient({});
  return {
    get: (path: string, method = "GET") =>
      fetch(`http://127.0.0.1:${listener.addr.port}${path}`, {
        client,
        method,
      }),
    async [Symbol.asyncDispose]() {
      client.close();
      listener.close();
      await running;
      await server.shutdown();
    },
  };
}

for (const kind of ["500", "503"] as const) {
  Deno.test(`the faulty proxy answers ${kind} once`, async () => {
    await using proxy = behindProxy(kind);
    assert.equal(await (await proxy.get("/other")).text(), BODY);
    const head = await proxy.get("/file", "HEAD");
    await head.body?.cancel();
    assert.equal(head.status, 200);
    const refused = await proxy.get("/file");
    assert.equal(refused.status, Number(kind));
    assert.equal(
      refused.headers.get("Retry-After"),
      kind === "503" ? "2" : null,
    );
    assert.equal(await refused.text(), "");
    assert.equal(await (await proxy.get("/file")).text(), BODY);
  });
}

Deno.test("the faulty proxy ends one body in its middle", async () => {
  await using proxy = behindProxy("cut");
  const cut = await proxy.get("/file");
  assert.equal(cut.headers.get("Content-Length"), `${BODY.length}`);
  let received = 0;
  await assert.rejects(async () => {
    for await (const bytes of cut.body ?? []) received += bytes.length;
  });
  assert.ok(received > 0 && received <= BODY.length / 2, `${received}`);
  assert.equal(await (await proxy.get("/file")).text(), BODY);
});
