import assert from "node:assert/strict";
import { judgeReply, strongTag } from "../../lib/fetch/judge_reply.ts";

const nowMs = Date.UTC(2026, 10, 22, 10);
const url = new URL("http://a.example:8080/blobs/sha256/00");
const asked = { fromBytes: 100, toBytes: 200, sizeBytes: 1000 };

function judge(status: number, fields: Record<string, string> = {}) {
  const headers = Object.entries(fields);
  const { location } = fields;
  return judgeReply({ status, headers, location }, asked, { url, nowMs });
}

Deno.test("judgeReply() takes the part that was asked for, and nothing else", () => {
  const part = (range: string) => judge(206, { "content-range": range });
  const whole = { kind: "body", offsetBytes: 100, endBytes: 200 };
  assert.deepEqual(part("bytes 100-199/1000"), whole);
  assert.deepEqual(part("bytes 100-199/*"), whole);
  assert.deepEqual(part("bytes 100-149/1000"), { ...whole, endBytes: 150 });
  for (
    const range of [
      "",
      "bytes 0-199/1000",
      "bytes 100-200/1000",
      "bytes 100-99/1000",
      "bytes 100-199/1001",
      "bytes */1000",
      "items 100-199/1000",
    ]
  ) assert.equal(part(range).kind, "none", range);
});

Deno.test("judgeReply() takes the whole from a server that knows no ranges", () => {
  const whole = { kind: "body", offsetBytes: 0, endBytes: 1000 };
  assert.deepEqual(judge(200, { "content-length": "1000" }), whole);
  assert.deepEqual(judge(200), whole);
  assert.deepEqual(judge(200, { "content-length": "999" }), {
    kind: "none",
    reason: "serves a file of 999 bytes in its place",
  });
});

Deno.test("judgeReply() tells what is final from what may pass", () => {
  for (const status of [301, 400, 401, 403, 404, 410, 412, 416]) {
    const reason = `answered ${status}`;
    assert.deepEqual(judge(status), { kind: "none", reason });
  }
  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    const reason = `answered ${status}`;
    assert.deepEqual(judge(status), { kind: "later", reason });
  }
});

Deno.test("judgeReply() reads Retry-After as seconds or as a date", () => {
  const delayMs = (value: string) => {
    const verdict = judge(503, { "retry-after": value });
    return verdict.kind === "later" ? verdict.delayMs : verdict;
  };
  assert.equal(delayMs("7"), 7000);
  assert.equal(delayMs("Sun, 22 Nov 2026 10:00:30 GMT"), 30_000);
  assert.equal(delayMs("Sun, 22 Nov 2026 09:00:30 GMT"), 0);
  for (const value of ["-1", "soon", "9".repeat(20)]) {
    assert.equal(delayMs(value), undefined, value);
  }
});

Deno.test("judgeReply() follows to the same host alone", () => {
  const to = (location: string) => judge(302, { location });
  assert.deepEqual(to("/x"), {
    kind: "moved",
    url: new URL("http://a.example:8080/x"),
  });
  for (
    const location of ["http://b.example/", "//b.example:8080/x", "file:///etc"]
  ) {
    assert.equal(to(location).kind, "none", location);
  }
});

Deno.test("strongTag() has what If-Range may say", () => {
  const tag = (etag: string) => strongTag([["etag", etag]]);
  assert.equal(tag('"abc"'), '"abc"');
  for (const etag of ['W/"abc"', "abc", '"a"b"', ""]) {
    assert.equal(tag(etag), undefined, etag);
  }
  assert.equal(strongTag([]), undefined);
});
