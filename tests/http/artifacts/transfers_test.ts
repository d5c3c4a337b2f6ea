import assert from "node:assert/strict";
import {
  MAX_BLOCK_BYTES,
  MIN_BLOCK_BYTES,
} from "../../../lib/http/artifacts/artifact_files.ts";
import {
  Transfer,
  type TransferLimits,
  Transfers,
} from "../../../lib/http/artifacts/transfers.ts";
import type { Exchange } from "../../../lib/net/http1/handler.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const SUBJECT = {
  client: "10.0.0.7",
  artifact: "stable/arm64/vmlinuz",
  sizeBytes: 1000,
  offsetBytes: 0,
  lengthBytes: 1000,
};

const IMPATIENT = { waitMs: 0, comesBack: true };

function exchangeOf(
  completed: Promise<unknown>,
  close = () => {},
): Pick<Exchange, "whenCompleted" | "close"> {
  return { whenCompleted: () => completed, close };
}

/** Downloads that a test starts and ends. */
class Bench {
  readonly clock = new FakeClock();
  readonly transfers: Transfers;

  constructor(limits: Partial<TransferLimits> = {}) {
    this.transfers = new Transfers({
      clock: this.clock,
      limits: { maxConnections: 1000, ...limits },
    });
  }

  begin(
    artifact = "a",
  ): {
    transfer: Transfer;
    left: () => Promise<void>;
    gone: () => Promise<void>;
  } {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const transfer = this.transfers.begin(
      { ...SUBJECT, artifact },
      exchangeOf(promise),
      IMPATIENT,
    );
    if (!(transfer instanceof Transfer)) assert.fail("refused");
    return {
      transfer,
      left: () => (resolve(), promise.then(() => {})),
      gone: () => (reject(new Error("gone")), promise.catch(() => {})),
    };
  }

  /** Each as `artifact state sent`. */
  recent(): string[] {
    return this.transfers.recent()
      .map(({ artifact, state, sentBytes }) =>
        `${artifact} ${state} ${sentBytes}`
      );
  }
}

const noSignal = () => new AbortController().signal;

Deno.test("Transfers tells what left whole from what broke off", async () => {
  const bench = new Bench();
  const whole = bench.begin("whole");
  const short = bench.begin("short");
  const gone = bench.begin("gone");
  const failed = bench.begin("failed");
  const running = bench.begin("running");
  for (const { transfer } of [whole, gone, failed]) {
    transfer.release(1000, noSignal);
  }
  for (const { transfer } of [short, running]) transfer.release(10, noSignal);
  failed.transfer.fail();
  await whole.left();
  await short.left();
  await gone.gone();
  await failed.left();
  assert.deepEqual(bench.recent(), [
    "running running 10",
    "failed broken 1000",
    "gone broken 1000",
    "short broken 10",
    "whole done 1000",
  ]);
  assert.deepEqual(bench.transfers.counts(), {
    running: 1,
    limit: 1000,
    done: 1,
    broken: 3,
    displaced: 0,
    refused: 0,
    sentBytes: 3020,
  });
});

Deno.test("Transfers refuses those beyond the limit until one has ended", async () => {
  const { transfers, clock } = new Bench({ maxConnections: 2 });
  const first = Promise.withResolvers<void>();
  const forEver = new Promise<void>(() => {});
  const begin = async (completed: Promise<void>) =>
    await transfers.begin(SUBJECT, exchangeOf(completed), IMPATIENT);
  assert.ok(await begin(first.promise));
  assert.ok(await begin(forEver));
  assert.equal(await begin(forEver), undefined);
  first.resolve();
  await clock.advance(0);
  assert.ok(await begin(forEver));
  assert.equal(transfers.counts().refused, 1);
});

Deno.test("Transfers remembers the last 20 that ended", async () => {
  const bench = new Bench();
  for (let i = 0; i < 25; i++) await bench.begin(String(i)).left();
  const names = bench.transfers.recent().map(({ artifact }) => artifact);
  assert.deepEqual(names, Array.from({ length: 20 }, (_, i) => `${24 - i}`));
});

Deno.test("a transfer calls back once when it is over, however it ended", async () => {
  for (const end of ["left", "gone"] as const) {
    const download = new Bench().begin();
    let calls = 0;
    download.transfer.onOver(() => calls++);
    assert.equal(calls, 0);
    await download[end]();
    assert.equal(calls, 1, end);
  }
});

Deno.test("a transfer without a rate limit never waits", () => {
  const { transfer } = new Bench().begin();
  assert.equal(transfer.chunkBytes(), MAX_BLOCK_BYTES);
  assert.equal(transfer.release(1e9, noSignal), undefined);
});

Deno.test("a rate limit makes chunks wait, and makes up for a late timer", async () => {
  const bench = new Bench({ maxRateBytesPerSecond: 400 });
  const { clock } = bench;
  const { transfer } = bench.begin();
  assert.equal(transfer.chunkBytes(), 100);
  const send = async (withinMs: number) => {
    const sent = transfer.release(100, noSignal);
    await clock.advance(withinMs);
    await sent;
    return bench.transfers.counts().sentBytes;
  };
  assert.equal(await send(250), 100);
  assert.equal(await send(250), 200);
  // Ten seconds late: a quarter of one is made up for.
  clock.stall(10_000);
  assert.equal(await send(0), 300);
  const sent = transfer.release(100, noSignal);
  await clock.advance(249);
  assert.equal(bench.transfers.counts().sentBytes, 300);
  await clock.advance(1);
  await sent;
  assert.equal(bench.transfers.counts().sentBytes, 400);
});

Deno.test("a wait for the rate limit ends when the download is stopped", async () => {
  const bench = new Bench({ maxRateBytesPerSecond: 1 });
  const stop = new AbortController();
  const waiting = bench.begin().transfer.release(100, () => stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(async () => await waiting, { message: "stopped" });
  assert.equal(bench.clock.pending, 0);
});

Deno.test("the blocks of all downloads together stay within 8 MiB, down to 64 KiB each", () => {
  const bench = new Bench();
  const { transfer } = bench.begin();
  const sizes = new Map<number, number>();
  for (let running = 1; running <= 512; running++) {
    if (running > 1) bench.begin();
    sizes.set(running, transfer.blockBytes());
    assert.ok(
      transfer.blockBytes() === MIN_BLOCK_BYTES ||
        transfer.blockBytes() * running <= 8 * 1024 * 1024,
    );
  }
  assert.equal(sizes.get(1), MAX_BLOCK_BYTES);
  assert.equal(sizes.get(4), MAX_BLOCK_BYTES);
  assert.equal(sizes.get(5), MAX_BLOCK_BYTES / 2);
  assert.equal(sizes.get(512), MIN_BLOCK_BYTES);
});

Deno.test("a slow download reads no more than it sends", () => {
  const slow = new Bench({ maxRateBytesPerSecond: 4 * 100_000 }).begin();
  assert.equal(slow.transfer.chunkBytes(), 100_000);
  assert.equal(slow.transfer.blockBytes(), 2 * MIN_BLOCK_BYTES);
});

Deno.test("a few downloads read ahead, a crowd does not", () => {
  const bench = new Bench();
  const { transfer } = bench.begin();
  assert.equal(transfer.readsAhead(), 2);
  bench.begin();
  assert.equal(transfer.readsAhead(), 1);
  for (let i = 0; i < 7; i++) bench.begin();
  assert.equal(transfer.readsAhead(), 0);
});

Deno.test("Transfers breaks off a download that gives way, and admits who waited", async () => {
  const { transfers, clock } = new Bench({ maxConnections: 1 });
  const slow = Promise.withResolvers<void>();
  let closed = 0;
  const exchange = exchangeOf(slow.promise, () => {
    closed++;
    slow.reject(new Error("closed"));
  });
  const transfer = await transfers.begin(SUBJECT, exchange, IMPATIENT);
  assert.ok(transfer);
  transfer.waitForUs();
  transfer.release(1000, noSignal);
  transfer.accepted(900);
  const next = transfers.begin(
    { ...SUBJECT, client: "10.0.0.8" },
    exchangeOf(new Promise(() => {})),
    { waitMs: 12_000, comesBack: true },
  );
  await clock.advance(4500);
  assert.equal(closed, 0);
  await clock.advance(500);
  assert.ok(await next);
  assert.equal(closed, 1);
  assert.equal(transfer.state.state, "displaced");
  const { running, displaced, broken, refused } = transfers.counts();
  assert.deepEqual([running, displaced, broken, refused], [1, 1, 0, 0]);
});

Deno.test("Transfers never cuts a download that waits for the disk", async () => {
  const { transfers, clock } = new Bench({ maxConnections: 1 });
  const forEver = new Promise<void>(() => {});
  const transfer = await transfers.begin(
    SUBJECT,
    exchangeOf(forEver),
    IMPATIENT,
  );
  assert.ok(transfer);
  transfer.waitForUs();
  const next = transfers.begin(
    { ...SUBJECT, client: "10.0.0.8" },
    exchangeOf(forEver),
    { waitMs: 30_000, comesBack: true },
  );
  await clock.advance(30_000);
  assert.equal(await next, undefined);
  assert.equal(transfer.state.state, "running");
});

Deno.test("Transfers admits nobody whose connection has ended while it waited", async () => {
  const { transfers, clock } = new Bench({ maxConnections: 1 });
  const first = Promise.withResolvers<void>();
  await transfers.begin(SUBJECT, exchangeOf(first.promise), IMPATIENT);
  const gone = Promise.withResolvers<void>();
  const waiting = transfers.begin(
    { ...SUBJECT, client: "10.0.0.8" },
    exchangeOf(gone.promise),
    { waitMs: 30_000, comesBack: true },
  );
  gone.reject(new Error("closed"));
  first.resolve();
  await clock.advance(0);
  assert.equal(await waiting, undefined);
  assert.equal(transfers.counts().running, 0);
  assert.equal(clock.pending, 0);
});
