import assert from "node:assert/strict";
import { ok, refuse } from "../../../lib/core/result.ts";
import { scriptAnswer } from "../../../lib/http/boot/script_answer.ts";

Deno.test("scriptAnswer() is plain text that is asked for anew each time", () => {
  const { status, headers, bytes } = scriptAnswer(ok("#!ipxe\n"));
  assert.equal(status, 200);
  assert.equal(new TextDecoder().decode(bytes ?? undefined), "#!ipxe\n");
  assert.equal(headers["Content-Type"], "text/plain; charset=utf-8");
  assert.equal(headers["Cache-Control"], "no-cache");
});

Deno.test("scriptAnswer() without a script is 500 and says why", () => {
  const { status, bytes } = scriptAnswer(refuse("it has no kernel"));
  assert.equal(status, 500);
  assert.deepEqual(
    JSON.parse(new TextDecoder().decode(bytes ?? undefined)),
    { error: "it has no kernel" },
  );
});
