import assert from "node:assert/strict";
import { watchNeighbours } from "../../../../lib/net/dht/internal/neighbours.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

/** @param look what becomes of each look */
function watch(look: () => Promise<void>): {
  readonly clock: FakeClock;
  readonly closing: AbortController;
  /** When it looked. */
  readonly looked: number[];
  readonly onPeer: () => void;
} {
  const clock = new FakeClock();
  const closing = new AbortController();
  const looked: number[] = [];
  const onPeer = watchNeighbours({
    lookForSelf: () => {
      looked.push(clock.monotonic());
      return look();
    },
    clock,
    signal: closing.signal,
  });
  return { clock, closing, looked, onPeer };
}

Deno.test("watchNeighbours() looks less often while peers go on coming", async () => {
  const { clock, closing, looked, onPeer } = watch(() => Promise.resolve());
  while (clock.monotonic() < 200_000) {
    onPeer();
    await clock.advance(500);
  }
  assert.deepEqual(looked, [
    500,
    5500,
    15_500,
    35_500,
    75_500,
    135_500,
    195_500,
  ]);
  await clock.advance(300_000); // quiet again
  looked.length = 0;
  const startMs = clock.monotonic();
  while (clock.monotonic() < startMs + 10_000) {
    onPeer();
    await clock.advance(500);
  }
  assert.deepEqual(looked.map((ms) => ms - startMs), [500, 5500]);
  closing.abort();
});

Deno.test("watchNeighbours() looks once for peers that come together", async () => {
  const { clock, closing, looked, onPeer } = watch(() =>
    Promise.reject(new Error("nobody answered"))
  );
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
