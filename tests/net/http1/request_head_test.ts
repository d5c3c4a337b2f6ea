import fc from "fast-check";
import assert from "node:assert/strict";
import {
  countEmptyLines,
  findHeadEnd,
  MAX_HEAD_BYTES,
  MAX_TARGET_BYTES,
  parseRequestHead,
  refuseLongHead,
  type RequestHead,
} from "../../../lib/net/http1/request_head.ts";

/** One byte for each character. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function parse(text: string): RequestHead {
  const head = parseRequestHead(bytesOf(text));
  if ("reason" in head) assert.fail(head.reason);
  return head;
}

Deno.test("parseRequestHead() of a plain request", () => {
  assert.deepEqual(
    parse("GET /a?b HTTP/1.1\r\nHost: x:1\r\nX-Empty:\r\nY: \t z \t\r\n\r\n"),
    {
      method: "GET",
      target: "/a?b",
      minorVersion: 1,
      headers: [["host", "x:1"], ["x-empty", ""], ["y", "z"]],
      keepAlive: true,
      body: { kind: "none" },
      expectsContinue: false,
    },
  );
});

Deno.test("parseRequestHead() without headers", () => {
  assert.deepEqual(parse("GET / HTTP/1.0\r\n\r\n").headers, []);
  assert.deepEqual(parse("GET / HTTP/1.0\n\n").headers, []);
});

Deno.test("parseRequestHead() escapes bytes beyond ASCII in the path", () => {
  assert.equal(
    parse("GET /\xc3\xa9?\xff HTTP/1.1\r\n\r\n").target,
    "/%C3%A9?%FF",
  );
});

for (
  const [version, connection, keepAlive] of [
    ["1.1", undefined, true],
    ["1.1", "close", false],
    ["1.1", "Close", false],
    ["1.1", "keep-alive, close", false],
    ["1.1", "TE,  CLOSE ,x", false],
    ["1.1", "closed", true],
    ["1.0", undefined, false],
    ["1.0", "keep-alive", true],
    ["1.0", "Keep-Alive", true],
    ["1.0", "keep-alive, close", false],
  ] as const
) {
  Deno.test(`HTTP/${version} with Connection ${connection} keeps the connection: ${keepAlive}`, () => {
    const header = connection === undefined
      ? ""
      : `Connection: ${connection}\r\n`;
    const head = parse(`GET / HTTP/${version}\r\n${header}\r\n`);
    assert.equal(head.keepAlive, keepAlive);
  });
}

for (
  const [what, text] of [
    ["blanks", `A:${" ".repeat(32_000)}\x01`],
    ["blanks and tabs in turn", `A:${" \t".repeat(16_000)}\x01`],
    ["one name", "A".repeat(32_000)],
    ["blanks before the colon", `A${" ".repeat(32_000)}:`],
  ] as const
) {
  Deno.test(`parseRequestHead() refuses 32 kB of ${what} at once`, () => {
    const bytes = bytesOf(`GET / HTTP/1.1\r\n${text}\r\n\r\n`);
    const startMs = performance.now();
    const head = parseRequestHead(bytes);
    // A few on a machine with nothing else to do.
    assert.ok(performance.now() - startMs < 500);
    assert.ok("reason" in head && head.status === 400);
  });
}

Deno.test("parseRequestHead() takes only blanks and tabs off a value", () => {
  const { headers } = parse("GET / HTTP/1.1\r\nA: \t\xa0 b\xa0\t \r\n\r\n");
  assert.deepEqual(headers, [["a", "\xa0 b\xa0"]]);
});

Deno.test("findHeadEnd() finds the end whichever way lines end", () => {
  for (const end of ["\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n"]) {
    const text = `GET / HTTP/1.1\r\nA: b${end}`;
    assert.equal(findHeadEnd(bytesOf(`${text}GET`)), text.length);
    assert.equal(findHeadEnd(bytesOf(text.slice(0, -1))), undefined);
  }
});

Deno.test("findHeadEnd() finds an end that arrives in two pieces", () => {
  const bytes = bytesOf("GET / HTTP/1.1\r\nA: b\r\n\r\nrest");
  for (let seen = 0; seen < 24; seen++) {
    assert.equal(findHeadEnd(bytes.subarray(0, seen)), undefined);
    assert.equal(findHeadEnd(bytes, seen), 24);
  }
});

Deno.test("countEmptyLines() counts only what comes first", () => {
  assert.equal(countEmptyLines(bytesOf("\r\n\nGET /\r\n")), 3);
  assert.equal(countEmptyLines(bytesOf("GET")), 0);
  assert.equal(countEmptyLines(bytesOf("\r\n\r\n")), 4);
});

Deno.test("refuseLongHead() bounds the path and all headers together", () => {
  const path = `GET /${"a".repeat(MAX_TARGET_BYTES)}`;
  assert.equal(refuseLongHead(bytesOf(path)), undefined);
  assert.equal(refuseLongHead(bytesOf(`${path}${path}`))?.status, 414);
  const headers = `GET / HTTP/1.1\r\n${"A: b\r\n".repeat(MAX_HEAD_BYTES / 6)}`;
  assert.equal(refuseLongHead(bytesOf(headers))?.status, 431);
});

/** What is said of any bytes: a head that holds what it says, or a refusal. */
function check(bytes: Uint8Array): void {
  const head = parseRequestHead(bytes);
  if ("reason" in head) {
    assert.ok([400, 414, 431, 501, 505].includes(head.status));
    return;
  }
  assert.match(head.method, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
  assert.match(head.target, /^[\x21-\x7e]+$/);
  const asked = new Headers(head.headers.map(([name, value]) => [name, value]));
  for (const [name, value] of head.headers) {
    assert.doesNotMatch(value, /[\0\r\n]|^[ \t]|[ \t]$/);
    assert.ok(asked.has(name));
  }
  const lengths = asked.get("content-length");
  const coding = asked.get("transfer-encoding");
  switch (head.body.kind) {
    case "none":
      assert.ok(coding === null && Number(lengths ?? 0) === 0);
      break;
    case "length":
      assert.ok(coding === null);
      assert.equal(String(head.body.lengthBytes), lengths?.replace(/^0+/, ""));
      break;
    case "chunked":
      assert.ok(lengths === null && coding?.toLowerCase() === "chunked");
  }
}

Deno.test("parseRequestHead() of any bytes is a refusal or true", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check));
});

Deno.test("parseRequestHead() of what looks like a request is a refusal or true", () => {
  const word = fc.constantFrom(
    ..."GET|HEAD|get|/|/a|//|*|http://h/p|HTTP/1.1|HTTP/1.0|HTTP/2.0|Host|Range"
      .split("|"),
    ..."Content-Length|Transfer-Encoding|Connection|chunked|close|keep-alive"
      .split("|"),
    ..."0|5|-1|0x5|5, 5|999999999999999999|:| :|: | |\t|\r|\n|\r\n|\r\n\r\n|\0"
      .split("|"),
    ..."\x0b|\x7f|\x80|\xff|é".split("|").map((text) => text),
  );
  const line = fc.oneof(
    fc.tuple(
      fc.constantFrom("Content-Length", "Transfer-Encoding", "Host"),
      word,
    )
      .map((pair) => pair.join(": ")),
    fc.array(word, { maxLength: 5 }).map((words) => words.join("")),
  );
  const start = fc.oneof(
    fc.constant("GET / HTTP/1.1"),
    fc.array(word, { maxLength: 6 }).map((words) => words.join(" ")),
  );
  const end = fc.constantFrom("\r\n", "\n");
  fc.assert(
    fc.property(start, fc.array(line, { maxLength: 6 }), end, (a, b, eol) => {
      check(bytesOf([a, ...b, "", ""].join(eol)));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("a request is read alike however it is cut, and only once", () => {
  const head = fc.constantFrom(
    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /b HTTP/1.0\n\n",
    "GET /c HTTP/1.1\r\nX: y\n\r\n",
  );
  fc.assert(
    fc.property(fc.array(head, { minLength: 1 }), fc.nat(), (heads, cut) => {
      const bytes = bytesOf(heads.join(""));
      const seen = cut % bytes.length;
      let start = 0;
      for (const wanted of heads) {
        const rest = bytes.subarray(start);
        const known = Math.min(Math.max(0, seen - start), wanted.length - 1);
        assert.equal(findHeadEnd(rest.subarray(0, known)), undefined);
        assert.equal(findHeadEnd(rest, known), wanted.length);
        start += wanted.length;
      }
    }),
  );
});
