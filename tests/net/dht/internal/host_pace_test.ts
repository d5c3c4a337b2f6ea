import assert from "node:assert/strict";
import { HostPace } from "../../../../lib/net/dht/internal/host_pace.ts";

Deno.test("HostPace lets a rack through that boots at once, and has a flood wait", () => {
  const pace = new HostPace();
  const delays = Array.from({ length: 6000 }, () => pace.delayMs("h", 0));
  assert.equal(delays.findIndex((delayMs) => delayMs > 1), 3000);
  assert.equal(Math.round(delays.at(-1) ?? 0), 10_000);
  assert.equal(pace.delayMs("other", 0), 0);
  assert.equal(pace.delayMs("h", 30_000), 0, "after a rest");
});

Deno.test("HostPace answers 300 requests a second for ever", () => {
  const pace = new HostPace();
  for (let nowMs = 0; nowMs < 60_000; nowMs += 10 / 3) {
    assert.equal(pace.delayMs("h", nowMs), 0);
  }
});
