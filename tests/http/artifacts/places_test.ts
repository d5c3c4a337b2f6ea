import assert from "node:assert/strict";
import type { Patience } from "../../../lib/http/artifacts/patience.ts";
import { type Guest, Places } from "../../../lib/http/artifacts/places.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const KIB = 1024;
const COMES_BACK: Patience = { waitMs: 10_000, comesBack: true };
const LOADER: Patience = { waitMs: 25_000, comesBack: false };

/** What a guest of the test has come to. */
interface Visit {
  readonly guest: Guest;
  /** Bytes per second, as the test sets them. */
  bytesPerSecond: number;
  outcome: "waiting" | "admitted" | "refused" | "displaced";
}

/** Places with guests whose rates a test sets. */
class Bench {
  readonly clock = new FakeClock();
  readonly places: Places;
  /** Held at once, at most. */
  mostHeld = 0;
  readonly #visits: Visit[] = [];

  constructor(limit: number, maxRateBytesPerSecond = Infinity) {
    this.places = new Places({
      clock: this.clock,
      limit,
      maxRateBytesPerSecond,
    });
  }

  /** Somebody comes. */
  come(
    address: string,
    bytesPerSecond: number = Infinity,
    patience: Patience = COMES_BACK,
  ): Visit {
    const visit: Visit = {
      bytesPerSecond,
      outcome: "waiting",
      guest: {
        address,
        rate: () => visit.bytesPerSecond,
        giveWay: () => {
          visit.outcome = "displaced";
        },
      },
    };
    this.#visits.push(visit);
    const taken = this.places.take(visit.guest, patience);
    const settle = (hasPlace: boolean) => {
      visit.outcome = hasPlace ? "admitted" : "refused";
      const held = this.#visits.filter(({ guest }) => this.places.holds(guest));
      this.mostHeld = Math.max(this.mostHeld, held.length);
    };
    if (taken === true) settle(true);
    else taken.then(settle);
    return visit;
  }

  crowd(count: number, address: (i: number) => string, rate: number): Visit[] {
    return Array.from({ length: count }, (_, i) => this.come(address(i), rate));
  }

  settle(): Promise<void> {
    return this.clock.advance(0);
  }
}

function outcomes(visits: readonly Visit[]): string {
  return visits.map(({ outcome }) => outcome[0]).join("");
}

for (
  const [what, address] of [
    ["one address", () => "10.0.0.2"],
    ["eight addresses", (i: number) => `10.0.1.${i}`],
  ] as const
) {
  Deno.test(`Places gives a newcomer the place of the slowest of eight slow ones from ${what}`, async () => {
    const bench = new Bench(8);
    const slow = bench.crowd(8, address, 1200);
    for (const visit of slow) visit.bytesPerSecond += Math.random();
    const slowest = slow[5];
    assert.ok(slowest);
    slowest.bytesPerSecond = 1100;
    const newcomer = bench.come("10.0.0.10");
    await bench.settle();
    assert.equal(newcomer.outcome, "admitted");
    assert.equal(outcomes(slow), "aaaaadaa");
    assert.equal(bench.mostHeld, 8);
  });

  Deno.test(`Places keeps a newcomer waiting for no longer than eight from ${what} are new themselves`, async () => {
    const bench = new Bench(8);
    const slow = bench.crowd(8, address, Infinity);
    const newcomer = bench.come("10.0.0.10");
    await bench.clock.advance(9000);
    assert.equal(newcomer.outcome, "waiting");
    for (const visit of slow) visit.bytesPerSecond = 1200;
    await bench.clock.advance(500);
    assert.equal(newcomer.outcome, "admitted");
    assert.equal(bench.clock.pending, 0);
  });
}

Deno.test("Places cuts nobody, however slow, while one is free", async () => {
  const bench = new Bench(3);
  const slow = bench.crowd(2, () => "10.0.0.2", 0);
  assert.equal(bench.come("10.0.0.3", 0).outcome, "admitted");
  await bench.clock.advance(3_600_000);
  assert.equal(outcomes(slow), "aa");
  assert.equal(bench.clock.pending, 0, "nobody looks where nobody waits");
});

Deno.test("Places cuts nobody who is quick enough, and tells the newcomer in time", async () => {
  const bench = new Bench(4);
  const quick = bench.crowd(4, (i) => `10.0.1.${i}`, 8 * KIB);
  const newcomer = bench.come("10.0.0.10");
  const loader = bench.come("10.0.0.11", Infinity, LOADER);
  await bench.clock.advance(9500);
  assert.equal(outcomes([newcomer, loader]), "ww");
  await bench.clock.advance(500);
  assert.equal(outcomes([newcomer, loader]), "rw");
  await bench.clock.advance(15_000);
  assert.equal(outcomes([newcomer, loader]), "rr");
  assert.equal(outcomes(quick), "aaaa");
});

Deno.test("Places asks more of an address that holds more than the newcomer's", async () => {
  for (
    const [held, rate, isCut] of [
      [1, 7 * KIB, true],
      [1, 9 * KIB, false],
      [4, 31 * KIB, true],
      [4, 33 * KIB, false],
      [8, 63 * KIB, true],
      [8, 65 * KIB, false],
      [100, 63 * KIB, true],
      [100, 65 * KIB, false],
    ] as const
  ) {
    const bench = new Bench(held);
    const guests = bench.crowd(held, () => "10.0.0.2", rate);
    const newcomer = bench.come("10.0.0.3");
    await bench.settle();
    const cut = guests.filter(({ outcome }) => outcome === "displaced").length;
    assert.equal(cut, isCut ? 1 : 0, `${held} at ${rate}`);
    assert.equal(newcomer.outcome, isCut ? "admitted" : "waiting");
  }
});

Deno.test("Places lets a rack behind one address alone, at any rate that is no standstill", async () => {
  const bench = new Bench(16);
  const rack = bench.crowd(16, () => "10.0.0.2", 20 * KIB);
  const more = bench.come("10.0.0.2");
  await bench.settle();
  assert.equal(more.outcome, "refused", "told to come back at once");
  assert.equal(outcomes(rack), "a".repeat(16));
});

Deno.test("Places asks of nobody what a rate limit does not allow", async () => {
  const bench = new Bench(2, 4000);
  const guests = bench.crowd(2, () => "10.0.0.2", 3900);
  bench.come("10.0.0.3");
  await bench.settle();
  assert.equal(outcomes(guests), "aa");
});

Deno.test("Places gives the next place to the address that holds the fewest, the first of them", async () => {
  const bench = new Bench(3);
  const [first, second] = bench.crowd(3, (i) => `10.0.0.${i % 2}`, Infinity);
  assert.ok(first && second);
  const same = bench.come("10.0.0.0", Infinity, LOADER);
  const stranger = bench.come("10.0.0.9");
  const later = bench.come("10.0.0.8");
  bench.places.leave(second.guest);
  await bench.settle();
  assert.equal(outcomes([same, stranger, later]), "waw");
  bench.places.leave(first.guest);
  await bench.settle();
  assert.equal(outcomes([same, stranger, later]), "waa");
});

Deno.test("Places gives a place that becomes free to those who wait, not to who comes next", async () => {
  const bench = new Bench(1);
  const holder = bench.come("10.0.0.1");
  const loader = bench.come("10.0.0.2", Infinity, LOADER);
  bench.places.leave(holder.guest);
  const next = bench.come("10.0.0.1");
  await bench.settle();
  assert.equal(outcomes([loader, next]), "aw");
});

Deno.test("Places forgets one that stops waiting, and knows when it is left twice", async () => {
  const bench = new Bench(1);
  const holder = bench.come("10.0.0.1");
  const gone = bench.come("10.0.0.2");
  bench.places.leave(gone.guest);
  await bench.settle();
  assert.equal(gone.outcome, "refused");
  assert.equal(bench.clock.pending, 0);
  bench.places.leave(holder.guest);
  bench.places.leave(holder.guest);
  assert.equal(bench.come("10.0.0.3").outcome, "admitted");
  const last = bench.come("10.0.0.4");
  await bench.settle();
  assert.equal(last.outcome, "waiting");
});

Deno.test("Places holds its limits against a flood that claims to be a loader", async () => {
  const bench = new Bench(8);
  const holders = bench.crowd(8, () => "10.0.0.2", Infinity);
  const flood = Array.from(
    { length: 2000 },
    () => bench.come("10.0.0.2", Infinity, LOADER),
  );
  await bench.settle();
  const waiting = flood.filter(({ outcome }) => outcome === "waiting").length;
  assert.equal(waiting, 512);
  for (const holder of holders) holder.bytesPerSecond = 1200;
  const newcomer = bench.come("10.0.0.10");
  await bench.settle();
  assert.equal(newcomer.outcome, "admitted");
  // Those of the flood who had waited took the places of the other holders.
  const loader = bench.come("10.0.0.11", Infinity, LOADER);
  await bench.settle();
  assert.equal(loader.outcome, "waiting");
  for (const visit of flood) visit.bytesPerSecond = 1200;
  await bench.clock.advance(500);
  assert.equal(outcomes([newcomer, loader]), "aa");
  assert.equal(bench.mostHeld, 8);
  await bench.clock.advance(30_000);
  assert.ok(flood.every(({ outcome }) => outcome !== "waiting"));
  assert.equal(outcomes([newcomer, loader]), "aa");
});

Deno.test("Places lets a newcomer wait where a flood has taken all room to", async () => {
  const bench = new Bench(2);
  const quick = bench.crowd(2, () => "10.0.0.1", Infinity);
  const flood = Array.from(
    { length: 600 },
    (_, i) => bench.come(`10.0.1.${i % 2}`, Infinity, LOADER),
  );
  await bench.settle();
  const refused = flood.filter(({ outcome }) => outcome === "refused").length;
  assert.equal(refused, 88);
  const newcomers = ["10.0.0.8", "10.0.0.9"].map((each) => bench.come(each));
  await bench.settle();
  assert.equal(outcomes(newcomers), "ww");
  for (const { guest } of quick) bench.places.leave(guest);
  await bench.settle();
  // Those of the flood were there first, and its addresses hold nothing yet.
  assert.equal(outcomes(newcomers), "ww");
  for (const visit of flood) {
    if (visit.outcome === "admitted") bench.places.leave(visit.guest);
    if (visit.outcome === "admitted") visit.outcome = "displaced";
    await bench.settle();
    if (outcomes(newcomers) === "aa") break;
  }
  assert.equal(outcomes(newcomers), "aa");
});
