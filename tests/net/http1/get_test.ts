import assert from "node:assert/strict";
import { messageOf } from "../../../lib/core/printable.ts";
import { httpGet, replyOf } from "../../../lib/net/http1/get.ts";
import type { HttpReply } from "../../../lib/net/http1/reply.ts";

const { signal } = new AbortController();

async function textOf(reply: HttpReply): Promise<string> {
  using open = reply;
  let text = "";
  for await (const bytes of open.body) text += new TextDecoder().decode(bytes);
  return text;
}

/** A server that writes one answer and hangs up, and what it was sent. */
function openRawServer(
  answer: (connection: Deno.Conn) => Promise<void>,
): AsyncDisposable & { readonly url: URL; readonly asked: Promise<string> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = Promise.withResolvers<string>();
  const serving = (async () => {
    for await (const connection of listener) {
      using open = connection;
      const buffer = new Uint8Array(4096);
      const count = await open.read(buffer) ?? 0;
      asked.resolve(new TextDecoder().decode(buffer.subarray(0, count)));
      await answer(open).catch(() => {
        // The client hung up first.
      });
    }
  })();
  return {
    url: new URL(`http://127.0.0.1:${listener.addr.port}/a/b?c=d#e`),
    asked: asked.promise,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

/** Resolves when the client has ended the connection. */
async function hungUp(connection: Deno.Conn): Promise<void> {
  while (await connection.read(new Uint8Array(100)) !== null);
}

Deno.test("httpGet() gets from a server what fetch gets", async () => {
  const answers: Record<string, () => Response> = {
    "/length": () => new Response("hello"),
    "/chunks": () =>
      new Response(
        ReadableStream.from(["he", "llo"])
          .pipeThrough(new TextEncoderStream()),
      ),
    "/empty": () => new Response(null, { status: 204 }),
    "/large": () => new Response("x".repeat(300_000)),
    "/moved": () =>
      new Response(null, { status: 301, headers: { location: "/length" } }),
    "/missing": () => new Response("no", { status: 404 }),
  };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      answers[new URL(request.url).pathname]?.() ?? new Response("?"),
  );
  for (const path of Object.keys(answers)) {
    const url = new URL(`http://127.0.0.1:${server.addr.port}${path}`);
    const ours = await httpGet(url, { signal });
    const theirs = replyOf(await fetch(url, { redirect: "manual" }));
    assert.equal(ours.status, theirs.status, path);
    assert.equal(ours.location, theirs.location, path);
    const text = await textOf(theirs);
    if (ours.status === 200) assert.equal(await textOf(ours), text, path);
    ours[Symbol.dispose]();
  }
});

Deno.test("httpGet() asks for path and query alone, and keeps no connection", async () => {
  await using server = openRawServer(async (connection) => {
    await connection.write(
      new TextEncoder().encode(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      ),
    );
    await hungUp(connection);
  });
  assert.equal(await textOf(await httpGet(server.url, { signal })), "ok");
  const [line, ...fields] = (await server.asked).split("\r\n");
  assert.equal(line, "GET /a/b?c=d HTTP/1.1");
  assert.ok(fields.includes(`Host: ${server.url.host}`), fields.join());
  assert.ok(fields.includes("Accept-Encoding: identity"), fields.join());
  assert.ok(fields.includes("Connection: close"), fields.join());
  assert.deepEqual(fields.slice(-2), ["", ""]);
});

Deno.test("httpGet() ends the connection when its reply is disposed of unread", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = openRawServer(async (connection) => {
    await connection.write(
      new TextEncoder().encode("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"),
    );
    await hungUp(connection);
    ended.resolve();
  });
  const reply = await httpGet(server.url, { signal });
  assert.equal(reply.location, "/x");
  reply[Symbol.dispose]();
  reply[Symbol.dispose]();
  await ended.promise;
});

Deno.test("httpGet() ends with its signal, silent or dripping as the server may be", async () => {
  for (const first of ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]) {
    await using server = openRawServer(async (connection) => {
      await connection.write(new TextEncoder().encode(first));
      await hungUp(connection);
    });
    const controller = new AbortController();
    const getting = httpGet(server.url, controller).then(textOf);
    await server.asked;
    controller.abort(new Error("enough"));
    await assert.rejects(getting, /^Error: enough$/);
  }
  const controller = new AbortController();
  controller.abort(new Error("before"));
  await assert.rejects(
    httpGet(new URL("http://127.0.0.1:1/"), controller),
    /^Error: before$/,
  );
});

Deno.test("httpGet() says that nobody answers, and what is wrong with an answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(
    httpGet(new URL(`http://127.0.0.1:${port}/`), { signal }),
    /refused/,
  );
  for (
    const [answer, reason] of [
      ["", "the connection was closed before the end"],
      ["SSH-2.0-OpenSSH_9.9\r\n", "the answer is not HTTP/1.1"],
    ]
  ) {
    await using server = openRawServer(async (connection) => {
      await connection.write(new TextEncoder().encode(answer));
    });
    const problem = await httpGet(server.url, { signal }).catch(messageOf);
    assert.equal(problem, reason);
  }
});

Deno.test("httpGet() reaches IPv6 addresses and host names", async () => {
  const serve = (hostname: string) =>
    Deno.serve(
      { hostname, port: 0, onListen() {} },
      (request) => new Response(new URL(request.url).hostname),
    );
  await using four = serve("127.0.0.1");
  const named = new URL(`http://localhost:${four.addr.port}/`);
  assert.equal(await textOf(await httpGet(named, { signal })), "localhost");
  try {
    await using six = serve("::1");
    const url = new URL(`http://[::1]:${six.addr.port}/`);
    assert.equal(await textOf(await httpGet(url, { signal })), "[::1]");
  } catch (error) {
    // A machine without IPv6.
    assert.ok(error instanceof Deno.errors.AddrNotAvailable, String(error));
  }
});

Deno.test("httpGet() leaves it to fetch when there is a proxy", async () => {
  await using server = openRawServer(async (connection) => {
    await connection.write(
      new TextEncoder().encode(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      ),
    );
  });
  // In a process of its own, since `fetch` reads the environment once.
  const module = new URL("../../../lib/net/http1/get.ts", import.meta.url);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `import { httpGet } from "${module}";
      const { signal } = new AbortController();
      await httpGet(new URL("http://boot.example/x"), { signal });`,
    ],
    env: { HTTP_PROXY: server.url.origin },
  }).output();
  assert.equal(code, 0);
  const [line] = (await server.asked).split("\r\n");
  assert.equal(line, "GET http://boot.example/x HTTP/1.1");
});
