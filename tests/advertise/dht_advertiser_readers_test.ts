import assert from "node:assert/strict";
import { parseBootRecord } from "../../lib/wire/boot_record.ts";
import { openDhtAdvertiser as open } from "../support/dht_advertiser_fixture.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const KEY = "/phase/stable/arm64/manifest";
const { signal } = new AbortController();

Deno.test("a reader that asks the provider itself gets a record of the same date, with a URL of its own family", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 3;
  await advertiser.publish({ image: IMAGE, version: "7" }, { signal });
  const [published] = node.published;
  const read = async (localAddress: string) =>
    await node.valueFor?.({ localAddress, remoteAddress: "203.0.113.1" }) ??
      new Uint8Array();
  const date = clock.now();
  await clock.advance(1000);
  const record = await parseBootRecord(KEY, await read("[2001:db8::7]"), {
    now: clock.now(),
  });
  assert.ok(record.ok);
  assert.equal(record.value.url, "http://[2001:db8::7]/stable/arm64");
  assert.equal(record.value.lastUpdatedMs, date);
  assert.deepEqual(await read("192.0.2.7"), published?.value);
  await advertiser[Symbol.asyncDispose]();
});
