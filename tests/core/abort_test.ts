import assert from "node:assert/strict";
import { whenAborted } from "../../lib/core/abort.ts";

Deno.test("whenAborted() resolves when the signal aborts, and not before", async () => {
  const controller = new AbortController();
  let aborted = false;
  const waiting = whenAborted(controller.signal).then(() => aborted = true);
  await Promise.resolve();
  assert.ok(!aborted);
  controller.abort(new Error("is no failure"));
  await waiting;
  assert.ok(aborted);
});

Deno.test("whenAborted() resolves at once for a signal that has aborted already", async () => {
  await whenAborted(AbortSignal.abort());
});
