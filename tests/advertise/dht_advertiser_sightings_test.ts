import assert from "node:assert/strict";
import { openDhtAdvertiser as open } from "../support/dht_advertiser_fixture.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const OTHER = { channel: "testing", arch: "arm64" };
const { signal } = new AbortController();

Deno.test("isPublished() ends soon after the last peer has gone, with a line, and begins anew with the next", async () => {
  const { advertiser, node, clock, logger } = open();
  node.peers = 1;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await advertiser.publish({ image: OTHER, version: "1" }, { signal });
  node.failures = ["connection refused"];
  node.leave();
  await clock.advance(15_000);
  assert.ok(!advertiser.isPublished(IMAGE) && !advertiser.isPublished(OTHER));
  assert.deepEqual(logger.lines, [
    "WARN Images cannot be found over the DHT any more (no other DHT node answers: connection refused, name nodes to join through with --bootstrap): retrying until it works",
  ]);
  node.join();
  await clock.advance(6000);
  assert.ok(advertiser.isPublished(IMAGE) && advertiser.isPublished(OTHER));
  assert.equal(logger.lines.length, 2);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("an image is not published while strangers do not find it, though 21 nodes said that they keep it", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 21;
  node.isHidden = true;
  const publishing = advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  await clock.advance(2000);
  assert.deepEqual(await publishing, {
    ok: false,
    reason: "a lookup through 21 other nodes does not find it",
  });
  assert.ok(!advertiser.isPublished(IMAGE));
  assert.match(advertiser.status()[0]?.problem ?? "", /does not find it/);
  node.isHidden = false;
  await clock.advance(5000);
  assert.ok(advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("what hides later is noticed within minutes", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 21;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await clock.advance(175_000);
  assert.equal(node.looks.length, 1, "every three minutes");
  node.isHidden = true;
  await clock.advance(10_000);
  assert.ok(!advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("an image whose provider others cannot connect to is not published", async () => {
  const { advertiser, node } = open();
  node.peers = 3;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  assert.ok(advertiser.isPublished(IMAGE));
  node.reachable = false;
  assert.ok(!advertiser.isPublished(IMAGE));
  node.reachable = true;
  assert.ok(advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("records that every node refuses are warned of once, and anew after one has taken them", async () => {
  const { advertiser, node, clock, logger } = open();
  node.peers = 20;
  node.failures = ["it closed the connection"];
  const publish = (version: string) =>
    advertiser.publish({ image: IMAGE, version }, { signal });
  const warning =
    "WARN DHT nodes keep our provider records, but not our boot records (it closed the connection), and none reports its time: they belong to another network, or this machine's clock is wrong, in which case clients refuse the records, too";
  for (
    const [areRefused, warnings] of [[true, 1], [true, 1], [false, 1], [
      true,
      2,
    ]] as const
  ) {
    node.areValuesRefused = areRefused;
    assert.ok((await publish("1")).ok, "it is found by its provider entry");
    await clock.advance(0);
    assert.deepEqual(logger.lines, new Array(warnings).fill(warning));
  }
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("an image that clients refuse by its date is not published, and the operator is told to set the clock", async () => {
  const { advertiser, node, clock, logger } = open();
  node.peers = 20;
  node.areValuesRefused = true;
  node.clockLeadMs = 3_600_000;
  const published = advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  await clock.advance(2000);
  const reason =
    "the clock of this machine is 60 minutes ahead of those of other DHT nodes: set it, since clients refuse its records as of the future";
  assert.deepEqual(await published, { ok: false, reason });
  assert.ok(!advertiser.isPublished(IMAGE));
  assert.equal(advertiser.status()[0]?.problem, reason);
  assert.deepEqual(logger.lines, [
    `WARN Images cannot be found over the DHT yet (${reason}): retrying until it works`,
  ]);
  node.areValuesRefused = false;
  node.clockLeadMs = 0;
  await clock.advance(10_000);
  assert.ok(advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("that nodes of the right time refuse records is no reason to warn: the image is found by its provider entry", async () => {
  const { advertiser, node, clock, logger } = open();
  node.peers = 20;
  node.areValuesRefused = true;
  node.clockLeadMs = 1000;
  assert.ok(
    (await advertiser.publish({ image: IMAGE, version: "1" }, { signal })).ok,
  );
  await clock.advance(0);
  assert.deepEqual(logger.lines, []);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("publish() says why an image that a stranger finds is of no use", async () => {
  const { advertiser, node } = open();
  node.peers = 3;
  node.reachable = false;
  const published = await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  assert.deepEqual(published, {
    ok: false,
    reason: "other DHT nodes cannot connect to this machine",
  });
  assert.ok(!advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});
