import assert from "node:assert/strict";
import { bytesAnswer } from "../../../lib/net/http1/answers.ts";
import {
  HttpConnection,
  type HttpConnectionParts,
} from "../../../lib/net/http1/connection.ts";
import type {
  BytesAnswer,
  LentAnswer,
  LentBody,
} from "../../../lib/net/http1/handler.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryConnection } from "../../support/memory_connection.ts";

const TIMEOUTS = { headMs: 1000, idleMs: 5000, stallMs: 3000 };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

interface Setup {
  readonly connection: MemoryConnection;
  readonly clock: FakeClock;
  readonly http: HttpConnection;
  readonly ended: Promise<void>;
  /** Lets time pass, with the regular look at the deadline. */
  pass(durationMs: number): Promise<void>;
}

function open(parts: Partial<HttpConnectionParts> = {}): Setup {
  const connection = new MemoryConnection();
  const clock = new FakeClock();
  const http = new HttpConnection({
    connection,
    client: "10.0.0.7",
    serverUrl: "http://10.0.0.1:8080",
    clock,
    timeouts: TIMEOUTS,
    date: () => "DATE",
    respond: () => answerOf("answer"),
    isDraining: () => false,
    ...parts,
  });
  return {
    connection,
    clock,
    http,
    ended: http.run(),
    async pass(durationMs) {
      for (let passed = 0; passed < durationMs; passed += 100) {
        await clock.advance(100);
        http.checkDeadline();
      }
      await clock.advance(0);
    },
  };
}

/** A body of pieces, and how often it was given back. */
function lentBody(
  pieces: readonly (() => Promise<Uint8Array<ArrayBuffer>>)[],
): {
  readonly body: LentBody;
  readonly state: { cancelled: number; acceptedBytes: number };
} {
  const state = { cancelled: 0, acceptedBytes: 0 };
  const left = [...pieces];
  return {
    state,
    body: {
      read: async () => await left.shift()?.(),
      headroomBytes: 0,
      accepted: (countBytes) => {
        state.acceptedBytes += countBytes;
      },
      cancel: () => {
        state.cancelled++;
      },
    },
  };
}

function answerOf(text: string): BytesAnswer {
  return bytesAnswer(new TextEncoder().encode(text), { headers: {} });
}

function lentAnswer(body: LentBody, lengthBytes: number): LentAnswer {
  return { status: 200, headers: {}, lengthBytes, body };
}

Deno.test("a connection on which nothing is said is closed in silence", async () => {
  const { connection, ended, pass } = open();
  await pass(4900);
  assert.equal(connection.closed, false);
  await pass(200);
  assert.equal(connection.closed, true);
  assert.equal(connection.sent, "");
  await ended;
});

Deno.test("a connection that was used may be idle as long again", async () => {
  const { connection, ended, pass } = open();
  await pass(4000);
  connection.receive(GET);
  await pass(4900);
  assert.equal(connection.closed, false);
  assert.match(connection.sent, /^HTTP\/1\.1 200 OK\r\n.*answer$/s);
  await pass(200);
  assert.equal(connection.closed, true);
  await ended;
});

Deno.test("headers that come byte by byte do not hold a connection: 408", async () => {
  const { connection, ended, pass } = open();
  for (const character of "GET / HTTP") {
    connection.receive(character);
    await pass(100);
  }
  assert.match(connection.sent, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  assert.match(connection.sent, /Connection: close\r\n/);
  await pass(100);
  assert.equal(connection.closed, true);
  await ended;
});

Deno.test("a request is waited for until its last byte", async () => {
  const request = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (let count = 1; count < request.length; count++) {
    const { connection, ended, pass } = open();
    connection.receive(request.slice(0, count));
    await pass(100);
    assert.equal(connection.sent, "", request.slice(0, count));
    assert.equal(connection.closed, false);
    connection.receive(request.slice(count));
    connection.end();
    await ended;
    assert.match(connection.sent, /^HTTP\/1\.1 200 OK\r\n.*answer$/s);
  }
});

Deno.test("empty lines without end do not hold a connection", async () => {
  const { connection, ended, pass } = open();
  for (let i = 0; i < 60 && !connection.closed; i++) {
    connection.receive("\r\n");
    await pass(100);
  }
  assert.equal(connection.closed, true);
  await ended;
});

Deno.test("a request that arrives with its 408 is not answered any more", async () => {
  let answered = 0;
  const { connection, ended, pass } = open({
    respond() {
      answered++;
      return answerOf("answer");
    },
  });
  connection.receive("GET / HTTP/1.1\r\n");
  connection.stalled = true;
  await pass(1100);
  connection.receive("\r\n");
  connection.accept();
  await pass(5000);
  assert.equal(answered, 0);
  assert.equal(connection.closed, true);
  await ended;
});

Deno.test("a client that accepts nothing is given up, and its body given back", async () => {
  const completed: string[] = [];
  const { body, state } = lentBody([
    () => Promise.resolve(new Uint8Array(100_000)),
    () => Promise.resolve(new Uint8Array(100_000)),
  ]);
  const { connection, ended, pass } = open({
    respond(_, exchange) {
      exchange.whenCompleted()
        .then(() => completed.push("sent"), () => completed.push("gone"));
      return Promise.resolve(lentAnswer(body, 200_000));
    },
  });
  connection.stalled = true;
  connection.receive(GET);
  await pass(2900);
  assert.equal(connection.closed, false);
  assert.deepEqual([state.cancelled, completed], [0, []]);
  await pass(200);
  assert.equal(connection.closed, true);
  await ended;
  assert.deepEqual([state.cancelled, completed], [1, ["gone"]]);
});

Deno.test("time that the disk or a rate limit takes is not held against a client", async () => {
  const slow = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  const { body } = lentBody([
    () => Promise.resolve(new Uint8Array(4)),
    () => slow.promise,
  ]);
  const { connection, pass } = open({
    respond: () => Promise.resolve(lentAnswer(body, 8)),
  });
  connection.receive(GET);
  await pass(60_000);
  assert.equal(connection.closed, false);
  slow.resolve(new Uint8Array(4));
  await pass(100);
  assert.match(connection.sent, /\r\n\r\n\0{8}$/);
  connection.end();
  await pass(100);
  assert.equal(connection.closed, true);
});

for (
  const [what, pieces] of [
    ["fails", [4, "fail"]],
    ["ends early", [4]],
    ["goes on too long", [4, 5]],
  ] as const
) {
  Deno.test(`an answer that ${what} breaks the connection`, async () => {
    const { body, state } = lentBody(
      pieces.map((piece) => () =>
        piece === "fail"
          ? Promise.reject(new Error("changed"))
          : Promise.resolve(new Uint8Array(piece))
      ),
    );
    const { connection, ended } = open({
      respond: () => Promise.resolve(lentAnswer(body, 8)),
    });
    connection.receive(GET + GET);
    await ended;
    assert.match(connection.sent, /\r\n\r\n\0{4}$/);
    assert.equal(connection.closed, true);
    assert.equal(connection.finished, false);
    assert.equal(state.cancelled, 1);
  });
}

Deno.test("closing ends a body that is being waited for", async () => {
  const forEver = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  const body: LentBody = {
    read: () => forEver.promise,
    headroomBytes: 0,
    accepted: () => {},
    cancel: () => forEver.reject(new Error("over")),
  };
  const { connection, http, ended, pass } = open({
    respond: () => Promise.resolve(lentAnswer(body, 8)),
  });
  connection.receive(GET);
  await pass(100);
  http.close();
  await ended;
});

Deno.test("a body is told what the client has accepted of it, and its head", async () => {
  const { body, state } = lentBody([
    () => Promise.resolve(new Uint8Array(100_000)),
    () => Promise.resolve(new Uint8Array(50_000)),
  ]);
  const { connection, ended, pass } = open({
    respond: () => lentAnswer(body, 150_000),
  });
  connection.stalled = true;
  connection.receive(GET);
  await pass(1000);
  assert.equal(state.acceptedBytes, 0);
  connection.accept();
  connection.end();
  await ended;
  assert.equal(state.acceptedBytes, connection.sent.length);
});

for (const when of ["is made", "is sent"] as const) {
  Deno.test(`an exchange that is closed while its answer ${when} is over at once`, async () => {
    const { body, state } = lentBody([
      () => Promise.resolve(new Uint8Array(100_000)),
    ]);
    const forEver = new Promise<BytesAnswer>(() => {});
    const failed: unknown[] = [];
    let close = () => {};
    const { connection, pass } = open({
      respond(_, exchange) {
        close = () => exchange.close();
        exchange.whenCompleted().catch((error) => failed.push(error));
        return when === "is made" ? forEver : lentAnswer(body, 100_000);
      },
    });
    connection.stalled = true;
    connection.receive(GET);
    await pass(100);
    assert.equal(failed.length, 0);
    close();
    await pass(100);
    assert.equal(connection.closed, true);
    assert.equal(failed.length, 1);
    assert.equal(state.cancelled, when === "is made" ? 0 : 1);
  });
}

Deno.test("before it closes, a connection hears the client out for a while", async () => {
  const { connection, ended, pass } = open();
  connection.receive(
    "POST / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n" + "x".repeat(5000),
  );
  await pass(1000);
  assert.equal(connection.finished, true);
  assert.equal(connection.closed, false);
  connection.receive("x".repeat(5000));
  await pass(1200);
  assert.equal(connection.closed, true);
  await ended;
});

Deno.test("a body that does not come does not hold a connection: 408", async () => {
  let answered = 0;
  const { connection, ended, pass } = open({
    respond() {
      answered++;
      return answerOf("answer");
    },
  });
  connection.receive("GET / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello");
  await pass(900);
  assert.equal(connection.sent, "");
  assert.equal(connection.closed, false);
  connection.stalled = true;
  await pass(200);
  connection.receive("world");
  connection.accept();
  await pass(300);
  assert.match(connection.sent, /^HTTP\/1\.1 408 Request Timeout\r\n/);
  assert.equal(answered, 0);
  await pass(3000);
  assert.equal(connection.closed, true);
  await ended;
});

Deno.test("a request whose body breaks off is not answered", async () => {
  const { connection, ended } = open();
  connection.receive("GET / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello");
  connection.end();
  await ended;
  assert.equal(connection.sent, "");
  assert.equal(connection.closed, true);
});

Deno.test("a connection that drains is closed after its answer", async () => {
  let draining = false;
  const { connection, ended, pass } = open({ isDraining: () => draining });
  connection.receive(GET);
  await pass(100);
  assert.doesNotMatch(connection.sent, /Connection:/);
  draining = true;
  connection.receive(GET);
  connection.end();
  await ended;
  assert.match(connection.sent, /Connection: close\r\n\r\nanswer$/);
});

Deno.test("an answer that is given again is sent with the present date, and as each request wants it", async () => {
  const answer = answerOf("answer");
  let date = "DATE 1";
  const { connection, ended, pass } = open({
    respond: () => answer,
    date: () => date,
  });
  connection.receive(GET + GET);
  await pass(100);
  const [first, second] = connection.sent.split(/(?<=answer)/);
  assert.match(first ?? "", /^HTTP\/1\.1 200 OK\r\n.*Date: DATE 1\r\n/s);
  assert.equal(second, first);
  connection.sent = "";
  date = "DATE 2";
  connection.receive(GET);
  await pass(100);
  assert.equal(connection.sent, first?.replace("DATE 1", "DATE 2"));
  connection.sent = "";
  connection.receive(GET.replace("GET", "HEAD"));
  await pass(100);
  assert.match(connection.sent, /\r\nContent-Length: 6\r\n.*\r\n\r\n$/s);
  connection.sent = "";
  connection.receive("GET / HTTP/1.0\r\n\r\n");
  connection.end();
  await ended;
  assert.match(connection.sent, /^HTTP\/1\.0 200 OK\r\n.*answer$/s);
});

Deno.test("a connection that is closed just when its answer has left stays closed", async () => {
  const { connection, http, ended } = open({
    respond: () => answerOf("answer"),
  });
  const write = connection.write.bind(connection);
  connection.write = async (bytes) => {
    const count = await write(bytes);
    http.close();
    return count;
  };
  connection.receive("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
  await ended;
  assert.equal(connection.closed, true);
});
