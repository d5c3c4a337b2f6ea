import assert from "node:assert/strict";
import {
  bytesAnswer,
  errorAnswer,
  jsonAnswer,
  textAnswer,
} from "../../../lib/net/http1/answers.ts";
import type { BytesAnswer } from "../../../lib/net/http1/handler.ts";

function textOf({ bytes }: BytesAnswer): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

Deno.test("bytesAnswer() has the length of its bytes, and says not to guess", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assert.deepEqual(
    bytesAnswer(bytes, { headers: { "Content-Type": "a/b" } }),
    {
      status: 200,
      headers: { "Content-Type": "a/b", "X-Content-Type-Options": "nosniff" },
      lengthBytes: 3,
      bytes,
    },
  );
});

Deno.test("jsonAnswer() is one line of JSON, counted in bytes", () => {
  const answer = jsonAnswer({ name: "é" }, { headers: { "Vary": "accept" } });
  assert.equal(textOf(answer), '{"name":"é"}\n');
  assert.equal(answer.lengthBytes, 14);
  assert.deepEqual(answer.headers, {
    "Content-Type": "application/json",
    "Vary": "accept",
    "X-Content-Type-Options": "nosniff",
  });
});

Deno.test("errorAnswer() has its status, its headers and a message", () => {
  const answer = errorAnswer(503, "Not now", { "Retry-After": "2" });
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["Retry-After"], "2");
  assert.equal(answer.headers["Content-Type"], "application/json");
  assert.equal(textOf(answer), '{"error":"Not now"}\n');
});

Deno.test("textAnswer() is the text in UTF-8", () => {
  const answer = textAnswer("é", { "Content-Type": "text/plain" });
  assert.equal(textOf(answer), "é");
  assert.equal(answer.lengthBytes, 2);
});
