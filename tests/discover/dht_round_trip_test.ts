/** From advertiser to source, with time and network in memory. */
import assert from "node:assert/strict";
import { DhtAdvertiser } from "../../lib/advertise/dht_advertiser.ts";
import { createDhtSource } from "../../lib/discover/dht_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryDht, type PublicNode } from "../support/memory_dht.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const { signal } = new AbortController();

function advertise(node: PublicNode, clock: FakeClock): AsyncDisposable & {
  publish: () => Promise<unknown>;
} {
  const advertiser = new DhtAdvertiser({
    node,
    urlFor: () => "http://192.0.2.7/stable/arm64/manifest.json",
    ttlSeconds: 60,
    refreshSeconds: 30,
    clock,
    logger: new MemoryLogger(),
  });
  return {
    publish: () =>
      advertiser.publish({ image: IMAGE, version: "1" }, { signal }),
    [Symbol.asyncDispose]: () => advertiser[Symbol.asyncDispose](),
  };
}

/** What a client finds within some seconds. */
async function find(
  dht: MemoryDht,
  clock: FakeClock,
  through: PublicNode,
): Promise<Finding[]> {
  const source = createDhtSource({
    bootstrap: through.addresses(),
    clock,
    isClockTrusted: true,
    openClient: dht.openClient,
  });
  const controller = new AbortController();
  const found = Array.fromAsync(
    source.find(IMAGE, { signal: controller.signal }),
  );
  await clock.advance(3000);
  controller.abort();
  return await found;
}

Deno.test("an image is found while its provider lives, and for its TTL after", async () => {
  const clock = new FakeClock();
  const dht = new MemoryDht();
  await using other = await dht.openNode();
  {
    await using provider = await dht.openNode();
    await provider.join(other.addresses()[0] ?? "", { signal });
    await using advertiser = advertise(provider, clock);
    await advertiser.publish();
    await clock.advance(600_000); // ten times its TTL: refreshed all the while
    const [finding] = await find(dht, clock, other);
    assert.ok(finding?.kind === "candidate");
    assert.equal(finding.candidate.peerId, provider.peerId);
  }
  assert.equal((await find(dht, clock, other))[0]?.kind, "candidate");
  await clock.advance(60_000);
  assert.deepEqual(
    (await find(dht, clock, other)).map((f) =>
      f.kind === "problem" && f.message.replace(/ says \S+Z$/, " says ...")
    ),
    [
      "Asked 1 DHT node, 1 provider of stable/arm64 is named, it does not answer",
      "DHT records of stable/arm64 refused: record has expired (1); this machine's clock says ...",
    ],
  );
});

Deno.test("a provider that comes first is found once the others have come", async () => {
  const clock = new FakeClock();
  const dht = new MemoryDht();
  await using provider = await dht.openNode();
  await using advertiser = advertise(provider, clock);
  await advertiser.publish();
  await using late = await dht.openNode();
  await late.join(provider.addresses()[0] ?? "", { signal });
  await clock.advance(2000);
  assert.equal((await find(dht, clock, late))[0]?.kind, "candidate");
});
