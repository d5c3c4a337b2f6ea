import assert from "node:assert/strict";
import { HostPace } from "../../../../lib/net/dht/internal/host_pace.ts";

Deno.test("HostPace lets a rack through that boots at once, and has a flood wait", () => {
  const pace = new HostPace();
  const delays = Array.from({ length: 4000 }, () => pace.delayMs("h", 0));
  assert.equal(delays.findIndex((delayMs) => delayMs > 0), 2000);
  assert.equal(delays.at(-1), 10_000);
  assert.equal(pace.delayMs("other", 0), 0);
  assert.equal(pace.delayMs("h", 30_000), 0, "after a rest");
});

Deno.test("HostPace answers 200 requests a second for ever", () => {
  const pace = new HostPace();
  for (let nowMs = 0; nowMs < 60_000; nowMs += 5) {
    assert.equal(pace.delayMs("h", nowMs), 0);
  }
});
