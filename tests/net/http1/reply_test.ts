import fc from "fast-check";
import assert from "node:assert/strict";
import { messageOf } from "../../../lib/core/printable.ts";
import { readHttpReply } from "../../../lib/net/http1/reply.ts";
import type { ReadBytes } from "../../../lib/net/http1/reply_input.ts";

/** A connection that has these parts to read, one at a time. */
function readerOf(parts: readonly Uint8Array[]): ReadBytes {
  const left = [...parts];
  return (buffer) => {
    const part = left.shift();
    if (part === undefined) return Promise.resolve(null);
    const count = Math.min(part.length, buffer.length);
    buffer.set(part.subarray(0, count));
    if (count < part.length) left.unshift(part.subarray(count));
    return Promise.resolve(count);
  };
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** `200 body`, or what is wrong. */
async function outcome(read: ReadBytes): Promise<string> {
  let text = "";
  try {
    const { status, body } = await readHttpReply(read);
    text = `${status} `;
    for await (const bytes of body) text += String.fromCharCode(...bytes);
    return text;
  } catch (error) {
    return text === "" ? messageOf(error) : `${text}| ${messageOf(error)}`;
  }
}

function replyTo(...lines: readonly string[]): Promise<string> {
  return outcome(readerOf([bytesOf(lines.join("\r\n"))]));
}

const CHUNKED = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", ""];

Deno.test("readHttpReply() reads a body by its length, in chunks and to the end", async () => {
  for (
    const lines of [
      ["HTTP/1.1 200 OK", "Content-Length: 3", "", "abc, and more"],
      ["HTTP/1.0 200 OK", "Content-Length:3", "content-length: 3 ", "", "abc"],
      ["HTTP/1.1 200", "", "abc"],
      [...CHUNKED, "1", "a", "2", "bc", "0", "", ""],
      [...CHUNKED, "01;x=y", "a", '2 ;q="\\""', "bc", "0", "X: y", "", ""],
      ["HTTP/1.1 200 OK", "TRANSFER-ENCODING: Chunked", "", "3", "abc", "0"]
        .concat(["", ""]),
      ["HTTP/1.1 103 Early Hints", "Link: x", "", "HTTP/1.1 100 ", ""]
        .concat(["HTTP/1.1 200 OK", "Content-Length: 3", "", "abc"]),
      ["HTTP/1.1 200 OK", "Content-Encoding: Identity", "", "abc"],
    ]
  ) assert.equal(await replyTo(...lines), "200 abc", lines.join(" | "));
  assert.equal(
    await replyTo("HTTP/1.1 200 OK", "Content-Length: 0", "", ""),
    "200 ",
  );
});

Deno.test("readHttpReply() gives status and location of a redirect", async () => {
  const { status, location } = await readHttpReply(readerOf([
    bytesOf("HTTP/1.1 302 Found\r\nLocation: \t/new \r\n\r\n"),
  ]));
  assert.deepEqual([status, location], [302, "/new"]);
});

Deno.test("readHttpReply() tells a body that breaks off from one that is whole", async () => {
  const closed = "the connection was closed before the end";
  for (
    const [lines, expected] of [
      [
        ["HTTP/1.1 200 OK", "Content-Length: 4", "", "abc"],
        `200 abc| ${closed}`,
      ],
      [[...CHUNKED, "4", "abc"], `200 abc| ${closed}`],
      [[...CHUNKED, "3", "abc"], `200 abc| ${closed}`],
      [[...CHUNKED, "3", "abc", "0", ""], `200 abc| ${closed}`],
      [[...CHUNKED, "3", "abcd", "0", "", ""], "200 abc| a chunk has no end"],
      [["HTTP/1.1 200 OK", "Content-Length: 4"], closed],
      [["HTTP/1.1 2"], closed],
      [[""], closed],
    ] as const
  ) assert.equal(await replyTo(...lines), expected, lines.join(" | "));
});

Deno.test("readHttpReply() refuses what readers are known to take in different ways", async () => {
  const ok = "HTTP/1.1 200 OK";
  const field = "a header field is malformed";
  const twoLengths =
    "200 | the answer has both a Content-Length and a Transfer-Encoding";
  const coding = "200 | the answer's Transfer-Encoding";
  const unknown = "200 | the answer has an unknown Transfer-Encoding";
  const noNumber = "200 | the answer's Content-Length is not a number";
  const noSize =
    "200 | a chunk's size is not a number, or a chunk extension is malformed";
  for (
    const [lines, expected] of [
      [["<html>", "", ""], "the answer is not HTTP/1.1"],
      [["HTTP/2 200", "", ""], "the answer is not HTTP/1.1"],
      [["HTTP/1.1 2000 OK", "", ""], "the answer is not HTTP/1.1"],
      [["HTTP/1.1 099 OK", "", ""], "the answer is not HTTP/1.1"],
      [["ICY 200 OK", "", ""], "the answer is not HTTP/1.1"],
      [[ok, "Content-Length : 3", "", "abc"], field],
      [[ok, " Content-Length: 3", "", "abc"], field],
      [[ok, "A: b", "\tc", "", "abc"], field],
      [[ok, "A", "", "abc"], field],
      [[ok, ": b", "", "abc"], field],
      [[ok, "A: b\0", "", "abc"], field],
      [[ok, "A: b\x01", "", "abc"], field],
      [[...CHUNKED, "3", "abc", "0", "A : b", "", ""], `200 abc| ${field}`],
      [[ok, "A: b\rContent-Length: 3", "", "abc"], field],
      [[ok, "A: b\nContent-Length: 3", "", "abc"], "a line ends without CR LF"],
      [[ok, "Content-Length: 3", "Content-Length: 4", "", "abcd"], noNumber],
      [[ok, "Content-Length: 3, 3", "", "abc"], noNumber],
      [[ok, "Content-Length: +3", "", "abc"], noNumber],
      [[ok, "Content-Length: -3", "", "abc"], noNumber],
      [[ok, "Content-Length: 0x3", "", "abc"], noNumber],
      [[ok, "Content-Length:", "", "abc"], noNumber],
      [[ok, `Content-Length: ${"9".repeat(16)}`, "", "abc"], noNumber],
      [
        [...CHUNKED.slice(0, 2), "Content-Length: 3", "", "3", "abc"],
        twoLengths,
      ],
      [[ok, "Transfer-Encoding: gzip, chunked", "", "3", "abc"], unknown],
      [[ok, "Transfer-Encoding: identity", "", "abc"], unknown],
      [
        [...CHUNKED.slice(0, 2), "Transfer-Encoding: chunked", "", "0"],
        `${coding} does not end in chunked`,
      ],
      [
        [ok, "Transfer-Encoding: chunked, gzip", "", "3", "abc"],
        `${coding} does not end in chunked`,
      ],
      [
        [ok, "Transfer-Encoding: ,chunked", "", "3", "abc"],
        `${coding} is not a list of codings`,
      ],
      [[...CHUNKED, "3;", "abc"], noSize],
      [[...CHUNKED, '3;a="b', "abc"], noSize],
      [[...CHUNKED, "3;a=b c", "abc"], noSize],
      [[...CHUNKED, "-1", "abc"], noSize],
      [[...CHUNKED, "0x3", "abc"], noSize],
      [[...CHUNKED, " 3", "abc"], noSize],
      [[...CHUNKED, "", "abc"], noSize],
      [[...CHUNKED, "123456789", "abc"], "200 | a chunk is too long"],
      [
        [ok, "Content-Encoding: gzip", "", "abc"],
        "200 | the answer is compressed, which was not requested",
      ],
    ] as const
  ) assert.equal(await replyTo(...lines), expected, lines.join(" | "));
});

Deno.test("readHttpReply() reads a bounded number of header bytes, however they come", async () => {
  const endless = (text: string): ReadBytes & { count: number } => {
    const bytes = bytesOf(text);
    const read = Object.assign((buffer: Uint8Array) => {
      const count = Math.min(bytes.length, buffer.length);
      buffer.set(bytes.subarray(0, count));
      read.count += count;
      return Promise.resolve(count);
    }, { count: 0 });
    return read;
  };
  const after = (head: string, then: ReadBytes): ReadBytes => {
    const first = readerOf(head === "" ? [] : [bytesOf(head)]);
    return async (buffer) => await first(buffer) ?? await then(buffer);
  };
  const ok = "HTTP/1.1 200 OK\r\n";
  for (
    const [head, repeated] of [
      ["", "a"],
      ["", "HTTP/1.1 100 Continue\r\n\r\n"],
      [ok, "A: b\r\n"],
      [`${ok}A: `, " ".repeat(10_000)],
      [`${ok}Transfer-Encoding: chunked\r\n\r\n1;`, "x"],
      [`${ok}Transfer-Encoding: chunked\r\n\r\n`, "1;xxxxxxxxxxxxxxx\r\na\r\n"],
      [`${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n`, "A: b\r\n"],
    ] as const
  ) {
    const rest = endless(repeated);
    const said = await outcome(after(head, rest));
    assert.match(said, /the header is too long$/, repeated);
    assert.ok(rest.count < 100_000, `${rest.count} bytes of ${repeated}`);
  }
});

Deno.test("readHttpReply() says the same however the bytes are cut", async () => {
  const replies = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello, and more",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    "HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\nbad line\r\n\r\n",
  ];
  await fc.assert(fc.asyncProperty(
    fc.constantFrom(...replies),
    fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }),
    async (reply, sizes) => {
      const bytes = bytesOf(reply);
      const parts: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) {
        if (at < bytes.length) parts.push(bytes.subarray(at, at += size));
      }
      if (at < bytes.length) parts.push(bytes.subarray(at));
      assert.equal(
        await outcome(readerOf(parts)),
        await outcome(readerOf([bytes])),
      );
    },
  ));
});

Deno.test("readHttpReply() comes to an end whatever it is given", async () => {
  const alphabet = fc.constantFrom(
    ..."HTP/1.02: \r\n\0;afCchunked",
    "HTTP/1.1 200 OK\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "\r\n\r\n",
  );
  await fc.assert(fc.asyncProperty(
    fc.array(alphabet, { maxLength: 60 }).map((parts) => parts.join("")),
    async (text) => {
      assert.equal(typeof await outcome(readerOf([bytesOf(text)])), "string");
    },
  ));
});

Deno.test("readHttpReply() reads no more of a body than is asked for", async () => {
  let reads = 0;
  const { body } = await readHttpReply((buffer) => {
    reads++;
    const head = bytesOf(reads === 1 ? "HTTP/1.1 200 OK\r\n\r\n" : "x");
    buffer.set(head);
    return Promise.resolve(head.length);
  });
  let count = 0;
  for await (const _ of body) if (++count === 3) break;
  assert.equal(reads, 4);
});
