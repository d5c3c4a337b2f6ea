import assert from "node:assert/strict";
import type { BytesAnswer, LentBody } from "../../../lib/net/http1/handler.ts";
import {
  answerOf,
  GET,
  lentAnswer,
  lentBody,
  openConnection,
} from "../../support/connection_bench.ts";

Deno.test("a client that accepts nothing is given up, and its body given back", async () => {
  const completed: string[] = [];
  const { body, state } = lentBody([
    () => Promise.resolve(new Uint8Array(100_000)),
    () => Promise.resolve(new Uint8Array(100_000)),
  ]);
  const { connection, ended, pass } = openConnection({
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
  const { connection, pass } = openConnection({
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

Deno.test("closing ends a body that is being waited for", async () => {
  const forEver = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  const body: LentBody = {
    read: () => forEver.promise,
    headroomBytes: 0,
    accepted: () => {},
    cancel: () => forEver.reject(new Error("over")),
  };
  const { connection, http, ended, pass } = openConnection({
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
  const { connection, ended, pass } = openConnection({
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

Deno.test("an exchange whose connection has ended never completes", async () => {
  const opened = Promise.withResolvers<void>();
  const failed: unknown[] = [];
  const { connection, http, ended, pass } = openConnection({
    async respond(_, exchange) {
      await opened.promise;
      await exchange.whenCompleted().catch((error) => failed.push(error));
      return answerOf("answer");
    },
  });
  connection.receive(GET);
  await pass(100);
  http.close();
  opened.resolve();
  await ended;
  assert.equal(failed.length, 1);
});

for (const when of ["is made", "is sent"] as const) {
  Deno.test(`an exchange that is closed while its answer ${when} is over at once`, async () => {
    const { body, state } = lentBody([
      () => Promise.resolve(new Uint8Array(100_000)),
    ]);
    const forEver = new Promise<BytesAnswer>(() => {});
    const failed: unknown[] = [];
    let close = () => {};
    const { connection, pass } = openConnection({
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
