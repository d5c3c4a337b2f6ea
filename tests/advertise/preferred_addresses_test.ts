import assert from "node:assert/strict";
import { PreferredAddresses } from "../../lib/advertise/preferred_addresses.ts";
import type { Link } from "../../lib/net/interfaces.ts";
import { FakeClock } from "../support/fake_clock.ts";

function link(family: 4 | 6, ...addresses: string[]): Link {
  return {
    interfaceName: "eth0",
    family,
    addresses: addresses.map((address) => ({
      interfaceName: "eth0",
      address,
      prefixLength: 24,
    })),
  };
}

const BOTH = link(6, "fd78::1", "fd77::1");

/** A system whose preference can be changed, and how often it was asked. */
class Bench {
  readonly clock = new FakeClock();
  preferred: string | undefined = "fd77::1";
  asked = 0;
  changes = 0;
  readonly addresses = new PreferredAddresses({
    ask: () => {
      this.asked++;
      return Promise.resolve(this.preferred);
    },
    clock: this.clock,
    onChange: () => this.changes++,
  });
}

Deno.test("PreferredAddresses puts the one that the system prefers first, and tells of a change", async () => {
  const bench = new Bench();
  assert.deepEqual(bench.addresses.order(BOTH), ["fd78::1", "fd77::1"]);
  await bench.addresses.ask([BOTH]);
  assert.deepEqual(bench.addresses.order(BOTH), ["fd77::1", "fd78::1"]);
  assert.equal(bench.changes, 1);

  bench.preferred = "fd78::1";
  await bench.clock.advance(30_000);
  await bench.addresses.ask([BOTH]);
  assert.deepEqual(bench.addresses.order(BOTH), ["fd78::1", "fd77::1"]);
  await bench.clock.advance(30_000);
  await bench.addresses.ask([BOTH]);
  assert.equal(bench.changes, 2, "the same again");
});

Deno.test("PreferredAddresses asks about several addresses of IPv6, and anew when they are others or half a minute is over", async () => {
  const bench = new Bench();
  await bench.addresses.ask([
    link(4, "10.0.0.1", "10.0.1.1"),
    link(6, "fd77::1"),
  ]);
  assert.equal(bench.asked, 0);
  await Promise.all([
    bench.addresses.ask([BOTH]),
    bench.addresses.ask([BOTH]),
  ]);
  assert.equal(bench.asked, 1);
  await bench.clock.advance(29_999);
  await bench.addresses.ask([BOTH]);
  assert.equal(bench.asked, 1);
  await bench.addresses.ask([link(6, "fd79::1", "fd77::1")]);
  assert.equal(bench.asked, 2);
});

Deno.test("PreferredAddresses keeps the system's order where that says nothing", async () => {
  const bench = new Bench();
  bench.preferred = undefined;
  await bench.addresses.ask([BOTH]);
  assert.deepEqual(bench.addresses.order(BOTH), ["fd78::1", "fd77::1"]);
  assert.equal(bench.changes, 0);
});
