import assert from "node:assert/strict";
import { parseBootRecord } from "../../lib/wire/boot_record.ts";
import { openDhtAdvertiser as open } from "../support/dht_advertiser_fixture.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const KEY = "/phase/stable/arm64/manifest";
const { signal } = new AbortController();

/** What an advertiser has told before it ended. */
async function toldBefore() {
  const { advertiser, node, clock } = open();
  await using _ = advertiser;
  node.peers = 20;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await clock.advance(0); // until all have been told
  const told = advertiser.told();
  assert.equal(told.length, 1);
  return told;
}

Deno.test("after a restart an image that strangers find is answered for, and told again when it is due", async () => {
  const { advertiser, node, clock } = open({ toldBefore: await toldBefore() });
  await using _ = advertiser;
  node.peers = 20;
  node.isKept = true;
  await clock.advance(60_000);
  const result = await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  assert.ok(result.ok && advertiser.isPublished(IMAGE));
  assert.equal(node.published.length, 0);
  const { key, value } = node.provided[0] ?? assert.fail();
  assert.equal(key, KEY);
  const record = await parseBootRecord(KEY, value, { now: clock.now() });
  assert.ok(record.ok && record.value.lastUpdatedMs === clock.now());
  assert.equal(advertiser.status()[0]?.storedAt, 20);
  await clock.advance(1740_000);
  assert.equal(node.published.length, 1);
});

Deno.test("after a restart an image that no stranger finds is told within seconds", async () => {
  const { advertiser, node, clock } = open({ toldBefore: await toldBefore() });
  await using _ = advertiser;
  node.peers = 20;
  const published = advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  await clock.advance(2000);
  assert.equal((await published).ok, false);
  await clock.advance(2000);
  assert.equal(node.published.length, 1);
  assert.ok(advertiser.isPublished(IMAGE));
});
