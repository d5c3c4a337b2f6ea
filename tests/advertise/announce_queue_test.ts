import assert from "node:assert/strict";
import { AnnounceQueue } from "../../lib/advertise/announce_queue.ts";
import {
  type AnnounceOutcome,
  REACHED_NOBODY,
} from "../../lib/net/dht/announce_outcome.ts";
import type { PublishEntry } from "../../lib/net/dht/node_options.ts";

const { signal } = new AbortController();
const TOLD: AnnounceOutcome = { ...REACHED_NOBODY, reached: 3, storedAt: 3 };

/** A queue whose node tells others when a test says so. */
function open() {
  const alone: string[] = [];
  const sweeps: { keys: string[]; signal: AbortSignal; end: () => void }[] = [];
  const ended: Promise<unknown>[] = [];
  const queue = new AnnounceQueue({
    publish(key) {
      alone.push(key);
      return Promise.resolve(TOLD);
    },
    async publishAll(entries, { signal }) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const keys = entries.map(({ key }) => key);
      sweeps.push({ keys, signal, end: resolve });
      await promise;
      return entries.map(() => TOLD);
    },
  }, 3600);
  const entry = (key: string) => (): Promise<PublishEntry> =>
    Promise.resolve({ key, value: new Uint8Array() });
  const announce = (count: number, options = { signal }) =>
    Array.from({ length: count }, (_, i) => {
      const told = queue.announce(entry(`${i}`), options);
      ended.push(told);
      return told;
    });
  return { queue, alone, sweeps, announce };
}

/** Lets everything happen that waits for nothing. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

Deno.test("few images are told each by itself, at once, even while many are told", async () => {
  const { alone, sweeps, announce } = open();
  assert.deepEqual(await Promise.all(announce(3)), [
    { ok: true, value: TOLD },
    { ok: true, value: TOLD },
    { ok: true, value: TOLD },
  ]);
  assert.deepEqual([alone.length, sweeps.length], [3, 0]);
  const many = announce(10);
  await settle();
  assert.equal(sweeps[0]?.keys.length, 10);
  await Promise.all(announce(1));
  assert.equal(alone.length, 4);
  sweeps[0]?.end();
  assert.ok((await Promise.all(many)).every(({ ok }) => ok));
});

Deno.test("many are told together, 250 at most, and those that come meanwhile next", async () => {
  const { sweeps, announce } = open();
  const all = [...announce(260)];
  await settle();
  all.push(...announce(5));
  await settle();
  assert.deepEqual(sweeps.map(({ keys }) => keys.length), [250]);
  sweeps[0]?.end();
  await settle();
  assert.deepEqual(sweeps.map(({ keys }) => keys.length), [250, 15]);
  sweeps[1]?.end();
  assert.ok((await Promise.all(all)).every(({ ok }) => ok));
});

Deno.test("what is withdrawn in the queue is not told, and a sweep ends when all of it are", async () => {
  const { sweeps, announce } = open();
  announce(5);
  await settle();
  const early = new AbortController();
  const waiting = announce(5, early);
  early.abort();
  sweeps[0]?.end();
  const results = await Promise.all(waiting);
  assert.ok(results.every(({ ok }) => !ok));

  const late = new AbortController();
  announce(5, late);
  await settle();
  const last = sweeps.at(-1) ?? assert.fail();
  assert.ok(!last.signal.aborted);
  late.abort();
  assert.ok(last.signal.aborted);
  last.end();
});

Deno.test("an image whose record cannot be made does not keep others from being told", async () => {
  const { queue, sweeps, announce } = open();
  const bad = queue.announce(() => Promise.reject(new Error("no key")), {
    signal,
  });
  const good = announce(5);
  await settle();
  sweeps[0]?.end();
  assert.deepEqual(await bad, { ok: false, reason: "no key" });
  assert.ok((await Promise.all(good)).every(({ ok }) => ok));
});
