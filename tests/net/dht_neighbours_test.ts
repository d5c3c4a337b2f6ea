import assert from "node:assert/strict";
import { watchNeighbours } from "../../lib/net/dht_neighbours.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("watchNeighbours() looks once for peers that come together", async () => {
  const clock = new FakeClock();
  const closing = new AbortController();
  const looked: number[] = [];
  const onPeer = watchNeighbours({
    lookForSelf: () => {
      looked.push(clock.monotonic());
      return Promise.reject(new Error("nobody answered"));
    },
    clock,
    signal: closing.signal,
  });
  for (let i = 0; i < 5; i++) onPeer();
  await clock.advance(1000);
  assert.deepEqual(looked, [500]);
  for (let i = 0; i < 50; i++) {
    onPeer();
    await clock.advance(100);
  }
  assert.deepEqual(looked, [500, 5500]);
  onPeer();
  closing.abort();
  onPeer();
  await clock.advance(10_000);
  assert.equal(looked.length, 2);
  assert.equal(clock.pending, 0);
});
