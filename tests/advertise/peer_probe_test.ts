import assert from "node:assert/strict";
import { PeerProbe, retryDelayMs } from "../../lib/advertise/peer_probe.ts";

Deno.test("failures are followed by longer and longer waits, spread by a quarter, at least as long as is asked", () => {
  assert.deepEqual(
    [0, 1, 2, 5, 6, 99].map((failures) => retryDelayMs(failures, 0.5)),
    [1000, 2000, 4000, 32_000, 60_000, 60_000],
  );
  assert.equal(retryDelayMs(0, 0), 750);
  assert.equal(retryDelayMs(0, 0.999), 1249.5);
  assert.equal(retryDelayMs(0, 0.5, 50_000), 50_000);
  assert.equal(retryDelayMs(9, 0.5, 50_000), 60_000);
});

Deno.test("of many that meet nobody together one counts, until it is tried again", () => {
  const probe = new PeerProbe();
  assert.deepEqual([probe.isAlone, probe.dueMs], [false, Infinity]);
  for (let i = 0; i < 1000; i++) probe.failed(i / 2, 0.5);
  assert.deepEqual([probe.isAlone, probe.dueMs], [true, 1000]);
  probe.failed(1000, 0.5);
  assert.equal(probe.dueMs, 3000);
});

Deno.test("met() tells the end of being alone once, and waits begin anew", () => {
  const probe = new PeerProbe();
  assert.equal(probe.met(), false);
  for (const nowMs of [0, 1000, 3000]) probe.failed(nowMs, 0.5);
  assert.equal(probe.met(), true);
  assert.equal(probe.met(), false);
  assert.deepEqual([probe.isAlone, probe.dueMs], [false, Infinity]);
  probe.failed(5000, 0.5);
  assert.equal(probe.dueMs, 6000);
});
