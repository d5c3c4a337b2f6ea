import assert from "node:assert/strict";
import { withJson } from "../../lib/cli/output.ts";

// What is written to real streams is tested in e2e/output_test.ts.

Deno.test("withJson() gives one line of JSON where it is asked for, else lines for people", () => {
  const lines = () => ["stable/arm64", "testing/arm64"];
  const document = { images: ["stable\u2028arm64"] };
  assert.deepEqual(withJson({ json: false }, document, lines), lines());
  const [line, ...more] = withJson({ json: true }, document, assert.fail);
  assert.deepEqual(more, []);
  assert.match(line ?? "", /^[ -~]+$/, "printable");
  assert.deepEqual(JSON.parse(line ?? ""), document);
});
