import assert from "node:assert/strict";
import type { DhtSource } from "../../lib/discover/dht_source.ts";
import { createLazyDhtSource } from "../../lib/discover/lazy_dht_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { candidate, memorySource } from "../support/memory_source.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const PEER = "/ip4/192.0.2.1/tcp/4001";

/** A lazy source under a fake clock, and what happened to it. */
function setUp(
  { isChecking = () => false, loading = Promise.resolve(), ...options }: {
    bootstrap?: string[];
    mayLearnPeers?: boolean;
    isChecking?: () => boolean;
    /** Until then the real source is not there. */
    loading?: Promise<void>;
  } = {},
) {
  const clock = new FakeClock();
  const controller = new AbortController();
  const loads: string[][] = [];
  const added: string[] = [];
  const findings: Finding[] = [];
  const inner = memorySource([
    [5, { kind: "candidate", candidate: candidate("a", { source: "dht" }) }],
  ], { clock, name: "dht" });
  const source = createLazyDhtSource({
    bootstrap: [],
    mayLearnPeers: true,
    headStartMs: 100,
    clock,
    async load(bootstrap) {
      loads.push([...bootstrap]);
      await loading;
      const real: DhtSource = {
        name: "dht",
        find: (image, o) => inner.find(image, o),
        addPeer: (multiaddr) => added.push(multiaddr),
      };
      return real;
    },
    ...options,
  });
  const ended = (async () => {
    const { signal } = controller;
    for await (const finding of source.find(IMAGE, { signal, isChecking })) {
      findings.push(finding);
    }
  })();
  return { clock, controller, source, loads, added, findings, ended };
}

Deno.test("the lazy DHT source gives the others a head start, then asks", async () => {
  const { clock, controller, loads, findings, ended } = setUp({
    bootstrap: [PEER],
  });
  await clock.advance(99);
  assert.deepEqual(loads, []);
  await clock.advance(6);
  assert.deepEqual(loads, [[PEER]]);
  assert.deepEqual(findings.map(({ kind }) => kind), ["candidate"]);
  controller.abort();
  await ended;
});

Deno.test("the lazy DHT source loads nothing while nobody is known, and as soon as somebody is", async () => {
  const { clock, controller, source, loads, findings, ended } = setUp();
  await clock.advance(5000);
  assert.deepEqual(loads, []);
  assert.deepEqual(findings.map(({ kind }) => kind), ["problem"]);
  source.addPeer(PEER);
  await clock.advance(105);
  assert.deepEqual(loads, [[PEER]]);
  assert.equal(findings.at(-1)?.kind, "candidate");
  controller.abort();
  await ended;
});

Deno.test("the lazy DHT source has no problem when a LAN provider names a node in time", async () => {
  const { clock, controller, source, findings, ended } = setUp();
  await clock.advance(500);
  source.addPeer(PEER);
  await clock.advance(200);
  assert.deepEqual(findings.map(({ kind }) => kind), ["candidate"]);
  controller.abort();
  await ended;
});

Deno.test("the lazy DHT source gives up where nobody can be learned of", async () => {
  const { clock, loads, findings, ended } = setUp({ mayLearnPeers: false });
  await clock.advance(0);
  await ended;
  assert.deepEqual(loads, []);
  assert.match(JSON.stringify(findings), /--bootstrap/);
});

Deno.test("the lazy DHT source ends quietly when the others were quick enough", async () => {
  const { clock, controller, loads, findings, ended } = setUp({
    bootstrap: [PEER],
  });
  await clock.advance(50);
  controller.abort();
  await ended;
  assert.deepEqual([loads, findings], [[], []]);
  assert.equal(clock.pending, 0);
});

Deno.test("the lazy DHT source loads nothing while a candidate is being checked, and at once when it is refused", async () => {
  let checking = true;
  const { clock, controller, loads, ended } = setUp({
    bootstrap: [PEER],
    isChecking: () => checking,
  });
  await clock.advance(400);
  assert.deepEqual(loads, []);
  checking = false;
  await clock.advance(5);
  assert.deepEqual(loads, [[PEER]]);
  controller.abort();
  await ended;
});

Deno.test("the lazy DHT source waits half a second at most for candidates that are checked without end", async () => {
  const { clock, controller, loads, findings, ended } = setUp({
    bootstrap: [PEER],
    isChecking: () => true,
  });
  await clock.advance(599);
  assert.deepEqual(loads, []);
  await clock.advance(1);
  assert.deepEqual(loads, [[PEER]]);
  // One may have come while it was loaded.
  await clock.advance(499);
  assert.deepEqual(findings, []);
  await clock.advance(6);
  assert.deepEqual(findings.map(({ kind }) => kind), ["candidate"]);
  controller.abort();
  await ended;
});

Deno.test("the lazy DHT source counts its waits in steps: a stalled processor hears the others first", async () => {
  let checking = false;
  const { clock, controller, loads, ended } = setUp({
    bootstrap: [PEER],
    isChecking: () => checking,
  });
  // Between two steps more time passes than the head start has.
  clock.stall(1000);
  await clock.advance(0);
  assert.deepEqual(loads, []);
  checking = true; // The answer that had come meanwhile.
  await clock.advance(590);
  assert.deepEqual(loads, []);
  controller.abort();
  await ended;
  assert.equal(clock.pending, 0);
});

Deno.test("the lazy DHT source forgets no node that is heard of while it loads", async () => {
  const loading = Promise.withResolvers<void>();
  const { clock, controller, source, loads, added, ended } = setUp({
    bootstrap: [PEER],
    loading: loading.promise,
  });
  await clock.advance(100);
  assert.deepEqual(loads, [[PEER]]);
  const other = "/ip4/192.0.2.2/tcp/4001";
  source.addPeer(other);
  loading.resolve();
  await clock.advance(0);
  assert.ok(added.includes(other), `told only of ${added}`);
  controller.abort();
  await ended;
});

Deno.test("the lazy DHT source starts nothing when the discovery ends while it loads", async () => {
  const loading = Promise.withResolvers<void>();
  const { clock, controller, findings, ended } = setUp({
    bootstrap: [PEER],
    loading: loading.promise,
    isChecking: () => true,
  });
  await clock.advance(600);
  controller.abort();
  loading.resolve();
  await ended;
  assert.deepEqual(findings, []);
  assert.equal(clock.pending, 0);
});

Deno.test("the lazy DHT source asks nobody of the LAN where it may not", async () => {
  const { clock, controller, source, loads, added, ended } = setUp({
    bootstrap: [PEER],
    mayLearnPeers: false,
  });
  source.addPeer("/ip4/192.0.2.2/tcp/4001");
  await clock.advance(200);
  source.addPeer("/ip4/192.0.2.3/tcp/4001");
  await clock.advance(200);
  assert.deepEqual(loads, [[PEER]]);
  assert.deepEqual(added, [PEER]);
  controller.abort();
  await ended;
});
