import assert from "node:assert/strict";
import type { PeerConnection } from "../../lib/net/dht/node_options.ts";
import type { InterfaceAddress } from "../../lib/net/interfaces.ts";
import {
  openOutwardAddress,
  type OutwardAddress,
} from "../../lib/provider/outward_address.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const { signal } = new AbortController();
const [FIRST, SECOND] = ["10.1.0.1", "10.2.0.1"] as const;

/** A machine with two links that can be changed. */
class TwoLinks {
  readonly clock = new FakeClock();
  defaultRoute: string | undefined = SECOND;
  peers: PeerConnection[] = [];
  all: InterfaceAddress[] = [
    { interfaceName: "e0", address: FIRST, prefixLength: 24 },
    { interfaceName: "e1", address: SECOND, prefixLength: 24 },
  ];
  lookUps = 0;
  /** Aborts when the look-up that is under way is not wanted any more. */
  lastSignal: AbortSignal | undefined;

  open(bind: string): Promise<OutwardAddress> {
    return openOutwardAddress({
      settings: { bind, interfaces: [] },
      connections: () => this.peers,
      clock: this.clock,
      logger: new MemoryLogger(),
      signal,
      addresses: () => this.all,
      defaultRoute: ({ signal }) => {
        this.lookUps++;
        this.lastSignal = signal;
        return Promise.resolve(this.defaultRoute);
      },
    });
  }
}

Deno.test("the default route is known at once, and seen to move", async () => {
  const machine = new TwoLinks();
  {
    await using address = await machine.open("::");
    assert.equal(address.forPeers(), SECOND);
    assert.equal(address.forRouter(), SECOND);
    machine.defaultRoute = FIRST;
    await machine.clock.advance(10_000);
    assert.equal(address.forPeers(), FIRST);
    assert.equal(address.forRouter(), FIRST);
    assert.equal(machine.lastSignal?.aborted, false);
  }
  assert.equal(machine.lastSignal?.aborted, true);
  assert.equal(machine.clock.pending, 0);
});

Deno.test("nothing is looked up where the address is given", async () => {
  const machine = new TwoLinks();
  await using address = await machine.open(FIRST);
  await machine.clock.advance(60_000);
  assert.equal(address.forPeers(), FIRST);
  assert.equal(address.forRouter(), FIRST);
  assert.equal(machine.lookUps, 0);
});

Deno.test("what a peer beyond has shown holds until others show another, or the address is gone", async () => {
  const machine = new TwoLinks();
  await using address = await machine.open("0.0.0.0");
  const beyond = (localAddress: string) => ({
    localAddress,
    remoteAddress: "10.9.0.1",
  });
  machine.peers = [beyond(FIRST)];
  assert.equal(address.forPeers(), FIRST);
  assert.equal(address.forRouter(), SECOND, "no peer tells of the router");
  machine.peers = [{ localAddress: SECOND, remoteAddress: "10.2.0.9" }];
  assert.equal(address.forPeers(), FIRST);
  machine.peers = [beyond(SECOND)];
  assert.equal(address.forPeers(), SECOND);
  machine.peers = [beyond(FIRST)];
  assert.equal(address.forPeers(), FIRST);
  machine.peers = [];
  machine.all = machine.all.slice(1);
  assert.equal(address.forPeers(), SECOND);
});
