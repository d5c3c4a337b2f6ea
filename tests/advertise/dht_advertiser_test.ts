import assert from "node:assert/strict";
import { parseBootRecord } from "../../lib/wire/boot_record.ts";
import {
  identity,
  openDhtAdvertiser as open,
} from "../support/dht_advertiser_fixture.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const OTHER = { channel: "testing", arch: "arm64" };
const KEY = "/phase/stable/arm64/manifest";
const { signal } = new AbortController();

Deno.test("publish() succeeds once another node keeps the signed record", async () => {
  const { advertiser, node, clock, logger } = open();
  node.peers = 3;
  const result = await advertiser.publish({ image: IMAGE, version: "7" }, {
    signal,
  });
  assert.deepEqual(result, { ok: true, value: undefined });
  assert.equal(node.published[0]?.key, KEY);
  const record = await parseBootRecord(
    KEY,
    node.published[0]?.value ?? new Uint8Array(),
    { now: clock.now() },
  );
  assert.deepEqual(record, {
    ok: true,
    value: {
      url: "http://192.0.2.7/stable/arm64",
      peerId: identity.peerId,
      providerName: "rack 7",
      lastUpdatedMs: clock.now(),
      version: "7",
      ttlSeconds: 3600,
    },
  });
  assert.deepEqual(logger.lines, []);
  const [status] = advertiser.status();
  assert.equal(status?.storedAt, 3);
  assert.equal(status?.lastPublishedMs, clock.now());
  assert.ok(advertiser.isPublished(IMAGE));
  assert.ok(!advertiser.isPublished(OTHER));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("without a peer there is one WARN for all images, and INFO when one comes", async () => {
  const { advertiser, node, clock, logger } = open();
  for (const image of [IMAGE, OTHER]) {
    assert.deepEqual(
      await advertiser.publish({ image, version: "1" }, { signal }),
      {
        ok: false,
        reason: "no DHT peer yet, name nodes to join through with --bootstrap",
      },
    );
  }
  await clock.advance(120_000);
  assert.deepEqual(logger.lines, [
    "WARN Images cannot be found over the DHT yet (no DHT peer yet, name nodes to join through with --bootstrap): retrying until it works",
  ]);
  assert.ok(!advertiser.isPublished(IMAGE));
  const tries = node.published.length;
  assert.ok(tries > 6 && tries < 12, `backs off: ${tries} tries in 2 minutes`);
  node.join();
  await clock.advance(1000);
  assert.deepEqual(logger.lines.slice(1), [
    "INFO The DHT has peers now, and images can be found in it",
  ]);
  assert.ok(advertiser.isPublished(IMAGE) && advertiser.isPublished(OTHER));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a thousand images without a peer are signed once, and all can be found soon after one comes", async () => {
  const { advertiser, node, clock } = open();
  const images = Array.from({ length: 1000 }, (_, i) => ({
    channel: `c${i}`,
    arch: "arm64",
  }));
  await Promise.all(
    images.map((image) =>
      advertiser.publish({ image, version: "1" }, { signal })
    ),
  );
  assert.equal(node.published.length, 1000, "for those who ask this node");
  await clock.advance(600_000);
  const tries = node.published.length - 1000;
  assert.ok(tries > 10 && tries < 25, `one for all: ${tries} in 10 minutes`);
  assert.equal(node.looks.length, 0);
  node.join();
  await clock.advance(2000);
  assert.ok(images.every((image) => advertiser.isPublished(image)));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a refusal names the bootstrap nodes that cannot be reached", async () => {
  const { advertiser, node } = open();
  node.states.set("/ip4/192.0.2.9/tcp/4001", {
    kind: "failed",
    reason: "connection refused",
  });
  const result = await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  assert.deepEqual(result, {
    ok: false,
    reason:
      "no DHT peer yet: /ip4/192.0.2.9/tcp/4001: connection refused, name nodes to join through with --bootstrap",
  });
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a refusal tells peers that keep nothing from no peers", async () => {
  const { advertiser, node } = open();
  node.refusing = 2;
  node.failures = ["it closed the connection"];
  const result = await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  assert.deepEqual(result, {
    ok: false,
    reason:
      "2 DHT peers do not keep the record: it closed the connection, which also happens when a clock is wrong",
  });
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a record is published again before half its life is over, each time newer", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 20;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await clock.advance(3 * 1800_000);
  const gaps = node.published.slice(1).map((p, i) =>
    p.atMs - (node.published[i]?.atMs ?? 0)
  );
  assert.ok(gaps.length >= 3, `${gaps.length} refreshes`);
  for (const gap of gaps) {
    assert.ok(gap >= 0.9 * 1800_000 && gap <= 1800_000, `${gap} ms`);
  }
  const dates = await Promise.all(node.published.map(async ({ value }) => {
    const record = await parseBootRecord(KEY, value, { now: undefined });
    return record.ok ? record.value.lastUpdatedMs : 0;
  }));
  assert.deepEqual(dates, dates.toSorted());
  assert.equal(new Set(dates).size, dates.length);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a new version is published at once, and the old one no more", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 20;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await advertiser.publish({ image: IMAGE, version: "2" }, { signal });
  assert.equal(node.published.length, 2);
  await clock.advance(1800_000);
  assert.equal(node.published.length, 3);
  const versions = await Promise.all(node.published.map(async ({ value }) => {
    const record = await parseBootRecord(KEY, value, { now: undefined });
    return record.ok ? record.value.version : "";
  }));
  assert.deepEqual(versions, ["1", "2", "2"]);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("an image is published anew when its address changes", async () => {
  let host = "10.0.0.7";
  const { advertiser, node, clock } = open({ host: () => host });
  node.peers = 20;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await clock.advance(60_000);
  assert.equal(node.published.length, 1);
  host = "203.0.113.7"; // by DHCP, or since a router maps the port now
  await clock.advance(60_000);
  assert.equal(node.published.length, 2);
  const record = await parseBootRecord(
    KEY,
    node.published[1]?.value ?? new Uint8Array(),
    { now: undefined },
  );
  assert.ok(record.ok);
  assert.equal(record.value.url, "http://203.0.113.7/stable/arm64");
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("records stay in order when the wall clock goes back", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 1;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  clock.jumpTo("2026-11-22T11:59:00Z");
  await advertiser.publish({ image: IMAGE, version: "2" }, { signal });
  const dates = await Promise.all(node.published.map(async ({ value }) => {
    const record = await parseBootRecord(KEY, value, { now: undefined });
    return record.ok ? record.value.lastUpdatedMs : 0;
  }));
  assert.ok((dates[1] ?? 0) > (dates[0] ?? 0));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a peer that comes while few keep the record becomes a holder soon", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 1;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  node.join();
  await clock.advance(6000);
  assert.equal(node.published.length, 2);
  assert.equal(advertiser.status()[0]?.storedAt, 2);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("peers that come and go do not make it publish all the time", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 1;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  for (let i = 0; i < 100; i++) {
    node.join();
    node.peers = 1;
    await clock.advance(100);
  }
  assert.ok(node.published.length <= 4, `${node.published.length}`);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a peer that comes after all were lost gets the record within a second", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 20;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  node.peers = 0;
  await clock.advance(1900_000);
  assert.match(advertiser.status()[0]?.problem ?? "", /no (other )?DHT/);
  const before = node.published.length;
  node.join();
  await clock.advance(1100);
  assert.equal(node.published.length, before + 1);
  assert.equal(advertiser.status()[0]?.problem, undefined);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("a peer that comes during an announcement is not forgotten", async () => {
  const { advertiser, node, clock } = open();
  node.onPublish = () => {
    node.onPublish = () => Promise.resolve();
    node.join();
    node.peers = 0; // came too late for this one
    return Promise.resolve();
  };
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  node.peers = 1;
  await clock.advance(1000);
  assert.equal(advertiser.status()[0]?.storedAt, 1);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("publish() does not wait for more than the first holder", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 2;
  node.onPublish = () =>
    new Promise((resolve) => clock.setTimer(resolve, 10_000));
  const result = await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  assert.ok(result.ok && advertiser.isPublished(IMAGE));
  assert.equal(advertiser.status()[0]?.storedAt, 1);
  assert.equal(advertiser.status()[0]?.nextRefreshMs, undefined);
  await clock.advance(10_000);
  assert.equal(advertiser.status()[0]?.storedAt, 2);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("publish() ends with its signal, and the image is tried again", async () => {
  const { advertiser, node, clock } = open();
  node.onPublish = () =>
    new Promise((resolve) => clock.setTimer(resolve, 4000));
  const controller = new AbortController();
  const published = advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: controller.signal,
  });
  controller.abort();
  assert.deepEqual(await published, { ok: false, reason: "interrupted" });
  node.peers = 1;
  await clock.advance(10_000);
  assert.ok(advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("an image withdrawn while it is announced is not warned of", async () => {
  const { advertiser, node, clock, logger } = open();
  node.onPublish = () =>
    new Promise((resolve) => clock.setTimer(resolve, 1000));
  const published = advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  await clock.advance(10);
  await advertiser.withdraw(IMAGE);
  await clock.advance(1000);
  assert.equal((await published).ok, false);
  assert.deepEqual(logger.lines, []);
  await clock.advance(10_000);
  assert.equal(node.published.length, 1);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("withdraw() ends refreshing and answering", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 1;
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await advertiser.withdraw(IMAGE);
  await advertiser.withdraw(OTHER);
  await clock.advance(3600_000);
  assert.equal(node.published.length, 1);
  assert.deepEqual(node.withdrawn, [KEY]);
  assert.deepEqual(advertiser.status(), []);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("disposing withdraws everything and leaves nothing behind", async () => {
  const { advertiser, node, clock } = open();
  await advertiser.publish({ image: IMAGE, version: "1" }, { signal });
  await clock.advance(10);
  await advertiser[Symbol.asyncDispose]();
  assert.deepEqual(node.withdrawn, [KEY]);
  assert.equal(clock.pending, 0);
  assert.equal(node.listenerCount, 0);
});

Deno.test("the advertiser publishes anew, under the new time, when the clock is set a year ahead and back", async () => {
  const { advertiser, node, clock } = open();
  await using _ = advertiser;
  node.peers = 3;
  await advertiser.publish({ image: IMAGE, version: "7" }, { signal });
  for (
    const time of [
      "2027-11-22T12:00:00Z",
      "2026-11-22T12:00:30Z",
      "1970-01-01T00:00:10Z",
      "2026-11-22T12:01:00Z",
    ]
  ) {
    const before = node.published.length;
    clock.jumpTo(time);
    await clock.advance(6000);
    assert.equal(node.published.length, before + 1, time);
    const { key, value } = node.published.at(-1) ?? assert.fail();
    const record = await parseBootRecord(key, value, { now: clock.now() });
    assert.ok(record.ok, `${time}: ${record.ok ? "" : record.reason}`);
    assert.ok(advertiser.isPublished(IMAGE));
  }
});

Deno.test("of many images that are published together, all are told to others in few sweeps", async () => {
  const { advertiser, node, clock } = open();
  node.peers = 1;
  const published = Promise.all(Array.from({ length: 300 }, (_, i) => {
    const image = { channel: `c${i}`, arch: "arm64" };
    return advertiser.publish({ image, version: "1" }, { signal });
  }));
  await clock.advance(2000);
  const results = await published;
  assert.ok(results.every(({ ok }) => ok));
  assert.equal(node.published.length, 300);
  assert.deepEqual(node.sweeps, [250, 50]);
  await advertiser[Symbol.asyncDispose]();
});

Deno.test("publish() answers after ten seconds, though peers are silent, and goes on", async () => {
  const { advertiser, node, clock } = open();
  const silence = Promise.withResolvers<void>();
  node.onPublish = () => silence.promise;
  const publishing = advertiser.publish({ image: IMAGE, version: "1" }, {
    signal,
  });
  await clock.advance(10_000);
  assert.deepEqual(await publishing, {
    ok: false,
    reason: "no DHT peer has taken the record yet",
  });
  node.peers = 1;
  silence.resolve();
  await clock.advance(0);
  assert.ok(advertiser.isPublished(IMAGE));
  await advertiser[Symbol.asyncDispose]();
});
