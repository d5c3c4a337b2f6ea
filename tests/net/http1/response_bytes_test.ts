import assert from "node:assert/strict";
import { textAnswer } from "../../../lib/net/http1/answers.ts";
import {
  bodyWithHead,
  headAndBody,
  responseBytes,
  responseHead,
} from "../../../lib/net/http1/response_bytes.ts";

const USUAL = {
  minorVersion: 1,
  keepAlive: true,
  date: "DATE",
  isHead: false,
} as const;
const ANSWER = { status: 200, headers: { "ETag": '"x"' }, lengthBytes: 3 };

Deno.test("responseHead() writes names as they are, with length and date", () => {
  assert.equal(
    responseHead(ANSWER, USUAL),
    'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 3\r\nDate: DATE\r\n\r\n',
  );
});

for (
  const [minorVersion, keepAlive, connection] of [
    [1, true, undefined],
    [1, false, "close"],
    [0, true, "keep-alive"],
    [0, false, undefined],
  ] as const
) {
  Deno.test(`responseHead() of HTTP/1.${minorVersion} says Connection: ${connection}`, () => {
    const head = responseHead(ANSWER, { ...USUAL, minorVersion, keepAlive });
    assert.ok(head.startsWith(`HTTP/1.${minorVersion} 200 OK\r\n`));
    assert.equal(/Connection: (.*)\r/.exec(head)?.[1], connection);
  });
}

Deno.test("responseHead() of 304 tells no length (RFC 9110, section 8.6)", () => {
  assert.doesNotMatch(
    responseHead({ ...ANSWER, status: 304 }, USUAL),
    /Content-Length/,
  );
});

Deno.test("responseBytes() keeps the bytes of an answer for a second", () => {
  const answer = textAnswer("abc", {});
  const first = responseBytes(answer, USUAL);
  assert.equal(responseBytes(answer, USUAL), first, "the same bytes");
  const later = responseBytes(answer, { ...USUAL, date: "LATER" });
  assert.match(new TextDecoder().decode(later), /Date: LATER\r\n\r\nabc$/);
  const twin = responseBytes(textAnswer("xyz", {}), USUAL);
  assert.match(new TextDecoder().decode(twin), /\r\n\r\nxyz$/);
});

for (
  const [what, unusual, end] of [
    ["HEAD", { isHead: true }, /Content-Length: 3\r\nDate: DATE\r\n\r\n$/],
    ["Connection: close", { keepAlive: false }, /: close\r\n\r\nabc$/],
    [
      "HTTP/1.0",
      { minorVersion: 0 },
      /^HTTP\/1\.0 .*: keep-alive\r\n\r\nabc$/s,
    ],
  ] as const
) {
  Deno.test(`responseBytes() for ${what} are others, and are not kept`, () => {
    const answer = textAnswer("abc", {});
    const usual = responseBytes(answer, USUAL);
    const bytes = responseBytes(answer, { ...USUAL, ...unusual });
    assert.match(new TextDecoder().decode(bytes), end);
    assert.equal(responseBytes(answer, USUAL), usual);
  });
}

Deno.test("headAndBody() and bodyWithHead() give the same bytes, with a copy and without", () => {
  const buffer = new TextEncoder().encode("....abc");
  const body = buffer.subarray(4);
  const copied = headAndBody("HE", body);
  const joined = bodyWithHead("HE", body);
  assert.equal(new TextDecoder().decode(copied), "HEabc");
  assert.deepEqual(joined, copied);
  assert.equal(joined.buffer, buffer.buffer);
});
