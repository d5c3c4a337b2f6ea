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

Deno.test("whenAborted() listens to a signal once, however many wait for it", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const listen = signal.addEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof listen>) => {
    listeners++;
    listen(...args);
  };
  const waiting = Array.from({ length: 10_000 }, () => whenAborted(signal));
  assert.equal(listeners, 1);
  controller.abort();
  await Promise.all(waiting);
});
