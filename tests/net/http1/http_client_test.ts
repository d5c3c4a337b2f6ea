import assert from "node:assert/strict";
import { messageOf } from "../../../lib/core/printable.ts";
import { openHttpClient } from "../../../lib/net/http1/get.ts";

const { signal } = new AbortController();
const SHORT = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** What a server writes to each request of its connections; then it hangs up. */
type Script = readonly (readonly string[])[];

/** Connections beyond the script are hung up at once. */
async function withServer(
  script: Script,
  test: (
    url: URL,
    counts: { readonly connections: number; readonly heads: string[] },
  ) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const counts = { connections: 0, heads: [] as string[] };
  const running: Promise<void>[] = [];
  const serve = async (connection: Deno.Conn, answers: readonly string[]) => {
    using _open = connection;
    for (const answer of answers) {
      let head = "";
      while (!head.endsWith("\r\n\r\n")) {
        const buffer = new Uint8Array(4096);
        const count = await connection.read(buffer);
        if (count === null) return;
        head += new TextDecoder().decode(buffer.subarray(0, count));
      }
      counts.heads.push(head);
      await connection.write(new TextEncoder().encode(answer));
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      const answers = script[counts.connections++] ?? [];
      running.push(
        serve(connection, answers).catch(() => {
          // The client hung up first.
        }),
      );
    }
  })();
  try {
    await test(
      new URL(`http://127.0.0.1:${listener.addr.port}/x`),
      counts,
    );
  } finally {
    listener.close();
    await accepting;
    await Promise.all(running);
  }
}

Deno.test("openHttpClient() keeps a connection whose replies were read to the end", async () => {
  const chunked =
    "HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  const none = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n";
  const script = [[SHORT, chunked, none, SHORT]];
  await withServer(script, async (url, counts) => {
    using client = openHttpClient();
    const texts: string[] = [];
    for (let i = 0; i < 4; i++) {
      const headers = { "Range": `bytes=${i}-` };
      using reply = await client.get(url, { headers, signal });
      let text = `${reply.status} `;
      for await (const part of reply.body) {
        text += new TextDecoder().decode(part);
      }
      texts.push(text);
    }
    assert.deepEqual(texts, ["200 ok", "206 ok", "304 ", "200 ok"]);
    assert.equal(counts.connections, 1);
    assert.match(counts.heads[3] ?? "", /\r\nRange: bytes=3-\r\n/);
    assert.doesNotMatch(counts.heads[3] ?? "", /Connection/);
  });
});

Deno.test("openHttpClient() keeps none whose end is in doubt", async () => {
  for (
    const [answer, readAll] of [
      [SHORT, false],
      ["HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", true],
      [SHORT.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"), true],
      [`${SHORT}and more`, true],
      ["HTTP/1.1 200 OK\r\n\r\nok", true],
    ] as const
  ) {
    const script = [[answer], [SHORT]];
    await withServer(script, async (url, counts) => {
      using client = openHttpClient();
      {
        using reply = await client.get(url, { signal });
        if (readAll) { for await (const _ of reply.body); }
      }
      using reply = await client.get(url, { signal });
      assert.equal(await reply.body.read(new Uint8Array(9)), 2, answer);
      assert.equal(counts.connections, 2, answer);
    });
  }
});

Deno.test("openHttpClient() asks again where a kept connection has ended, once", async () => {
  await withServer([[SHORT], [SHORT], []], async (url, counts) => {
    using client = openHttpClient();
    for (let i = 1; i <= 2; i++) {
      using reply = await client.get(url, { signal });
      for await (const _ of reply.body);
      assert.equal(counts.connections, i);
    }
    const failed = await client.get(url, { signal }).catch(messageOf);
    assert.match(String(failed), /closed before the end|reset/);
    assert.equal(counts.connections, 3);
  });
});

Deno.test("openHttpClient() fills the buffer that it is given, and no more", async () => {
  const long = "x".repeat(100_000);
  const script = [[
    `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${long}`,
    SHORT,
  ]];
  await withServer(script, async (url, counts) => {
    using client = openHttpClient();
    {
      using reply = await client.get(url, { signal });
      let length = 0;
      const buffer = new Uint8Array(70_000);
      for (let count: number | null = 0; count !== null;) {
        count = await reply.body.read(buffer);
        length += count ?? 0;
      }
      assert.equal(length, 100_000);
    }
    using reply = await client.get(url, { signal });
    assert.equal(await reply.body.read(new Uint8Array(9)), 2);
    assert.equal(counts.connections, 1);
  });
});
