import assert from "node:assert/strict";
import { answerManifest } from "../../../lib/http/artifacts/answer_manifest.ts";
import type { BytesAnswer } from "../../../lib/net/http1/handler.ts";
import { httpFixture } from "../../support/http_fixture.ts";

const [served] = (await httpFixture()).catalog.images();
if (served === undefined) throw new Error("no image");
const { bytes, sha256 } = served.manifest;
const answer = answerManifest(served);

function ask(...headers: (readonly [string, string])[]): BytesAnswer {
  return answer({
    method: "GET",
    target: "/stable/arm64/manifest.json",
    minorVersion: 1,
    headers: [["host", "a"], ...headers],
    keepAlive: true,
    body: { kind: "none" },
    expectsContinue: false,
  });
}

Deno.test("answerManifest() gives the same answer to all who ask without a condition", () => {
  const first = ask();
  assert.equal(first.bytes, bytes);
  assert.equal(first.headers.ETag, `"${sha256}"`);
  assert.equal(ask(["range", "bytes=0-3"]), first);
  assert.equal(ask(["if-none-match", '"other"']), first);
});

Deno.test("answerManifest() sends nothing to a client that has it", () => {
  const { status, headers, bytes } = ask(["if-none-match", `"${sha256}"`]);
  assert.equal(status, 304);
  assert.equal(bytes, null);
  assert.deepEqual(headers, {
    "ETag": `"${sha256}"`,
    "Cache-Control": "no-cache",
  });
});

Deno.test("answerManifest() of another one than is expected is 412", () => {
  assert.equal(ask(["if-match", '"other"']).status, 412);
});
