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
  options: { bootstrap?: string[]; mayLearnPeers?: boolean } = {},
) {
  const clock = new FakeClock();
  const controller = new AbortController();
  const loads: string[][] = [];
  const findings: Finding[] = [];
  const inner = memorySource([
    [5, { kind: "candidate", candidate: candidate("a", { source: "dht" }) }],
  ], { clock, name: "dht" });
  const source = createLazyDhtSource({
    bootstrap: [],
    mayLearnPeers: true,
    headStartMs: 100,
    clock,
    load(bootstrap) {
      loads.push([...bootstrap]);
      const real: DhtSource = {
        name: "dht",
        find: (image, o) => inner.find(image, o),
        addPeer() {},
      };
      return Promise.resolve(real);
    },
    ...options,
  });
  const ended = (async () => {
    for await (
      const finding of source.find(IMAGE, { signal: controller.signal })
    ) findings.push(finding);
  })();
  return { clock, controller, source, loads, findings, ended };
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
