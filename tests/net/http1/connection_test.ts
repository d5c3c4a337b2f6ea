import assert from "node:assert/strict";
import {
  answerOf,
  GET,
  lentAnswer,
  lentBody,
  openConnection,
} from "../../support/connection_bench.ts";

Deno.test("a connection on which nothing is said is closed in silence", async () => {
  const { connection, ended, pass } = openConnection();
  await pass(4900);
  assert.equal(connection.closed, false);
  await pass(200);
  assert.equal(connection.closed, true);
  assert.equal(connection.sent, "");
  await ended;
});

Deno.test("a connection that was used may be idle as long again", async () => {
  const { connection, ended, pass } = openConnection();
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
  const { connection, ended, pass } = openConnection();
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
    const { connection, ended, pass } = openConnection();
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
  const { connection, ended, pass } = openConnection();
  for (let i = 0; i < 60 && !connection.closed; i++) {
    connection.receive("\r\n");
    await pass(100);
  }
  assert.equal(connection.closed, true);
  await ended;
});

Deno.test("a request that arrives with its 408 is not answered any more", async () => {
  let answered = 0;
  const { connection, ended, pass } = openConnection({
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
    const { connection, ended } = openConnection({
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

Deno.test("before it closes, a connection hears the client out for a while", async () => {
  const { connection, ended, pass } = openConnection();
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
  const { connection, ended, pass } = openConnection({
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
  const { connection, ended } = openConnection();
  connection.receive("GET / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello");
  connection.end();
  await ended;
  assert.equal(connection.sent, "");
  assert.equal(connection.closed, true);
});

Deno.test("a connection that drains is closed after its answer", async () => {
  let draining = false;
  const { connection, ended, pass } = openConnection({
    isDraining: () => draining,
  });
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
  const { connection, ended, pass } = openConnection({
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
  const { connection, http, ended } = openConnection({
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
