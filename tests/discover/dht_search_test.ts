import assert from "node:assert/strict";
import { createIdentity } from "../../lib/net/dht/identity.ts";
import { bootRecordKey } from "../../lib/wire/boot_record.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  BOOTSTRAP,
  findFor,
  IMAGE,
  messages,
  network,
  record,
  urls,
} from "../support/fake_dht.ts";

const [alice, bob] = [await createIdentity(), await createIdentity()];

Deno.test("find() yields what a value record says", async () => {
  const { dht, clock } = network();
  const value = await record(alice, clock, {
    url: "http://192.0.2.8/stable/arm64/manifest.json",
    providerName: "rack\u001b[31m 7",
    version: "2026.11.22",
  });
  dht.values.set(bootRecordKey(IMAGE), [value]);
  const findings = await findFor(500, dht, clock);
  assert.deepEqual(findings, [{
    kind: "candidate",
    candidate: {
      manifestUrl: new URL("http://192.0.2.8/stable/arm64/manifest.json"),
      image: IMAGE,
      version: "2026.11.22",
      source: "dht",
      providerName: "rack?[31m 7",
      peerId: alice.peerId,
    },
  }]);
});

Deno.test("find() yields every provider that answers, besides the value's", async () => {
  const { dht, clock } = network();
  const key = bootRecordKey(IMAGE);
  dht.values.set(key, [await record(alice, clock)]);
  dht.providers.set(
    key,
    new Map([
      [alice.peerId, await record(alice, clock)],
      [bob.peerId, await record(bob, clock)],
    ]),
  );
  assert.deepEqual(
    urls(await findFor(500, dht, clock)).toSorted(),
    [
      `http://${alice.peerId.toLowerCase()}/manifest.json`,
      `http://${bob.peerId.toLowerCase()}/manifest.json`,
    ].toSorted(),
  );
});

Deno.test("find() takes the URL that a provider tells itself for another address of it, once", async () => {
  const { dht, clock } = network();
  const key = bootRecordKey(IMAGE);
  const [four, six] = ["http://192.0.2.8/", "http://[2001:db8::8]/"];
  dht.values.set(key, [await record(alice, clock, { url: four })]);
  const itself = await record(alice, clock, { url: six });
  // From the second round on.
  clock.setTimer(
    () => dht.providers.set(key, new Map([[alice.peerId, itself]])),
    1000,
  );
  const told = (await findFor(12_000, dht, clock)).flatMap((finding) =>
    finding.kind === "candidate"
      ? [[finding.candidate.manifestUrl, ...finding.candidate.otherUrls ?? []]]
      : []
  );
  assert.deepEqual(told.map((urls) => urls.map(String)), [
    [four],
    [four, six],
  ]);
});

Deno.test("find() refuses a provider that hands out another's record", async () => {
  const { dht, clock } = network();
  const key = bootRecordKey(IMAGE);
  const stolen = await record(alice, clock);
  dht.providers.set(key, new Map([[bob.peerId, stolen]]));
  const findings = await findFor(500, dht, clock);
  assert.deepEqual(urls(findings), []);
  assert.match(messages(findings).join(), /record is from another peer \(1\)/);
});

Deno.test("find() counts refused records by their reasons", async () => {
  const { dht, clock } = network();
  const garbage = new TextEncoder().encode("garbage");
  const expired = await record(alice, clock, { lastUpdatedMs: 0 });
  const elsewhere = await record(alice, clock, {}, {
    channel: "testing",
    arch: "arm64",
  });
  dht.values.set(bootRecordKey(IMAGE), [garbage, garbage, expired, elsewhere]);
  assert.deepEqual(messages(await findFor(500, dht, clock)), [
    "Asked 5 DHT nodes, none knows a provider of stable/arm64",
    "DHT records of stable/arm64 refused: record is not a JSON object (2), record has expired (1), signature is not by peer_id (1); this machine's clock says 2026-11-22T12:00:00Z",
  ]);
});

Deno.test("find() names the nodes asked where time is up in the midst of a look-up", async () => {
  const { dht, clock } = network();
  const silent = "/ip4/192.0.2.9/tcp/4001";
  dht.silent.add(silent);
  const events: string[] = [];
  const findings = await findFor(500, dht, clock, {
    bootstrap: [BOOTSTRAP, silent],
    trace: (event) => events.push(event),
  });
  assert.deepEqual(messages(findings), [
    `The DHT lookup was not finished: started from ${BOOTSTRAP}, ${silent}; answered until then: ${BOOTSTRAP}#0`,
  ]);
  assert.deepEqual([...new Set(events)], [
    `asking DHT nodes ${BOOTSTRAP}, ${silent}`,
    `DHT node ${BOOTSTRAP}#0 knows no record, 0 providers, 0 nearer nodes`,
  ]);
});

Deno.test("find() never goes back to a provider's older record", async () => {
  const { dht, clock } = network();
  const older = await record(alice, clock, {
    lastUpdatedMs: clock.now() - 1000,
    url: "http://old/",
  });
  const newer = await record(alice, clock, { url: "http://new/" });
  dht.values.set(bootRecordKey(IMAGE), [newer, older, newer]);
  assert.deepEqual(urls(await findFor(2500, dht, clock)), ["http://new/"]);
});

Deno.test("find() does not look at dates when the clock cannot be right", async () => {
  const { dht } = network();
  const clock = new FakeClock("1970-01-01T00:00:30Z");
  const value = await record(alice, new FakeClock());
  dht.values.set(bootRecordKey(IMAGE), [value]);
  assert.equal(urls(await findFor(500, dht, clock)).length, 0);
  const options = { isClockTrusted: false };
  assert.equal(urls(await findFor(500, dht, clock, options)).length, 1);
});

Deno.test("find() says which other images exist, once", async () => {
  const { dht, clock } = network();
  const other = { channel: "testing", arch: "x86_64" };
  dht.values.set(bootRecordKey(other), [
    await record(alice, clock, {}, other),
  ]);
  const findings = await findFor(5000, dht, clock);
  assert.deepEqual(findings.filter((f) => f.kind === "other"), [
    { kind: "other", image: other },
  ]);
  assert.deepEqual(messages(findings), [
    "Asked 1 DHT node, none knows a provider of stable/arm64",
  ]);
});

Deno.test("find() asks again every second until somebody answers", async () => {
  const { dht, clock } = network();
  dht.reachable.clear();
  clock.setTimer(() => dht.reachable.add(BOOTSTRAP), 3200);
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const findings = await findFor(5000, dht, clock);
  assert.equal(urls(findings).length, 1);
  assert.deepEqual(messages(findings), [
    `DHT node ${BOOTSTRAP} cannot be asked: connection refused`,
  ]);
});

Deno.test("find() says that it knows nobody to ask, and waits for one", async () => {
  const { dht, clock } = network();
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const findings = await findFor(3000, dht, clock, {
    bootstrap: [],
    late: BOOTSTRAP,
  });
  assert.equal(urls(findings).length, 1);
  assert.match(messages(findings).join(), /^No DHT node known to ask/);
});

Deno.test("find() asks a node that comes to be known at once", async () => {
  const { dht, clock } = network();
  const late = "/ip4/192.0.2.9/tcp/4001";
  dht.reachable.clear();
  dht.reachable.add(late);
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const findings = await findFor(1700, dht, clock, { late });
  assert.equal(urls(findings).length, 1);
});

Deno.test("find() reports an address that cannot be one", async () => {
  const { dht, clock } = network();
  const findings = await findFor(500, dht, clock, {
    bootstrap: ["garbage\n", BOOTSTRAP],
  });
  assert.match(
    messages(findings)[0] ?? "",
    /^DHT node "garbage\?" cannot be asked: not a multiaddr/,
  );
});

Deno.test("find() says how many providers are named, and that they do not answer", async () => {
  const { dht, clock } = network();
  const key = bootRecordKey(IMAGE);
  const gone = new Map<string, Uint8Array>();
  dht.providers.set(key, gone);
  dht.gone.set(key, [alice.peerId]);
  assert.deepEqual(messages(await findFor(500, dht, clock)), [
    "Asked 1 DHT node, 1 provider of stable/arm64 is named, it does not answer",
  ]);
  dht.gone.set(key, [alice.peerId, bob.peerId]);
  assert.deepEqual(messages(await findFor(500, dht, clock)), [
    "Asked 1 DHT node, 2 providers of stable/arm64 are named, they do not answer",
  ]);
  gone.set(bob.peerId, await record(alice, clock));
  const [said] = messages(await findFor(500, dht, clock));
  assert.equal(
    said,
    "Asked 1 DHT node, 2 providers of stable/arm64 are named, some do not answer",
  );
});

Deno.test("find() gives nodes twice the time after a round in which none answered, up to 12 s", async () => {
  for (
    const [reachable, timeouts] of [
      [[], [3000, 6000, 12_000]],
      [[BOOTSTRAP], [3000]],
    ] as const
  ) {
    const { dht, clock } = network();
    dht.reachable.clear();
    for (const address of reachable) dht.reachable.add(address);
    const given: (number | undefined)[] = [];
    await findFor(6000, dht, clock, {
      openClient(options) {
        given.push(options.timeoutMs);
        return dht.openClient(options);
      },
    });
    assert.deepEqual(given, timeouts);
  }
});
