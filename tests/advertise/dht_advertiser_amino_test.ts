import assert from "node:assert/strict";
import { parseBootRecord } from "../../lib/wire/boot_record.ts";
import { openDhtAdvertiser as open } from "../support/dht_advertiser_fixture.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const KEY = "/phase/stable/arm64/manifest";
const { signal } = new AbortController();

Deno.test("in the public DHT those count who were told, and what is read from here is dated by the reading", async () => {
  const { advertiser, node, clock, logger } = open({ isAmino: true });
  node.areValuesRefused = true;
  node.peers = 3;
  const published = await advertiser.publish(
    { image: IMAGE, version: "7" },
    { signal },
  );
  assert.ok(published.ok);
  await clock.advance(1_200_000);
  assert.equal(advertiser.status()[0]?.storedAt, 3);
  assert.deepEqual(logger.lines, []);
  const ends = { localAddress: "192.0.2.7", remoteAddress: "192.0.2.9" };
  const read = await node.valueFor?.(ends) ?? new Uint8Array();
  const record = await parseBootRecord(KEY, read, { now: clock.now() });
  assert.ok(record.ok);
  assert.equal(record.value.lastUpdatedMs, clock.now());
  // Others of ours that tell the time find nothing wrong with it either.
  node.clockLeadMs = -1000;
  await clock.advance(600_000);
  assert.ok(advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});
