import assert from "node:assert/strict";
import { watchDepartures } from "../../../../lib/net/dht/internal/departures.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

Deno.test("watchDepartures() forgets who does not come back", async () => {
  const clock = new FakeClock();
  const closing = new AbortController();
  const forgotten: string[] = [];
  const asked: string[] = [];
  const onLost = watchDepartures({
    isReachable: (peerId) => {
      asked.push(peerId);
      return Promise.resolve(peerId === "back");
    },
    forget: (peerId) => {
      forgotten.push(peerId);
      return Promise.resolve();
    },
    clock,
    signal: closing.signal,
  });
  for (const peerId of ["gone", "back", "gone"]) onLost(peerId);
  await clock.advance(2900);
  assert.deepEqual(asked, [], "it may be just restarted");
  await clock.advance(3200);
  assert.deepEqual(asked.toSorted(), ["back", "gone"]);
  assert.deepEqual(forgotten, ["gone"]);

  onLost("gone"); // again
  for (let i = 0; i < 1000; i++) onLost(`peer ${i}`);
  await clock.advance(6100);
  assert.equal(forgotten.length, 1 + 256);
  onLost("late");
  closing.abort();
  onLost("later");
  await clock.advance(10_000);
  assert.equal(forgotten.length, 1 + 256);
  assert.equal(clock.pending, 0);
});
