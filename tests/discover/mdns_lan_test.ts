import assert from "node:assert/strict";
import {
  type MdnsAdvertiser,
  type MdnsAdvertiserOptions,
  openMdnsAdvertiser,
} from "../../lib/advertise/mdns_advertiser.ts";
import { createMdnsSource } from "../../lib/discover/mdns_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { type MemoryHost, MemoryLan } from "../support/memory_lan.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { advertisementOf, imageOf } from "../support/sample_images.ts";

const { signal } = new AbortController();

function advertise(
  clock: FakeClock,
  network: MemoryHost,
  options: Partial<MdnsAdvertiserOptions> = {},
): Promise<MdnsAdvertiser> {
  return openMdnsAdvertiser({
    clock,
    network,
    random: () => 0.5,
    logger: new MemoryLogger(),
    interfaces: [],
    hostName: "lab",
    port: 8080,
    ...options,
  });
}

/** Asks for a while, in the clock's time. */
async function discover(
  clock: FakeClock,
  network: MemoryHost,
  image: string,
  durationMs: number,
): Promise<Finding[]> {
  const stop = new AbortController();
  const source = createMdnsSource({ clock, network, interfaces: [] });
  const findings: Finding[] = [];
  const done = (async () => {
    const options = { signal: stop.signal };
    for await (const finding of source.find(imageOf(image), options)) {
      findings.push(finding);
    }
  })();
  await clock.advance(durationMs);
  stop.abort();
  await clock.advance(0);
  await done;
  return findings;
}

function urls(findings: readonly Finding[]): string[] {
  return findings.flatMap((f) =>
    f.kind === "candidate" ? [f.candidate.manifestUrl.href] : []
  );
}

async function close(clock: FakeClock, advertiser: MdnsAdvertiser) {
  const closed = advertiser[Symbol.asyncDispose]();
  await clock.advance(500);
  await closed;
}

Deno.test("mDNS: an image that is published is found, with all it says", async () => {
  const clock = new FakeClock();
  const lan = new MemoryLan({ clock });
  const advertiser = await advertise(clock, lan.host("10.0.0.1"), {
    p2pAddress: (address) => `/ip4/${address}/tcp/4001/p2p/12D3KooWLab`,
  });
  const published = advertiser.publish(advertisementOf("stable/arm64"), {
    signal,
  });
  await clock.advance(1000);
  assert.deepEqual(await published, { ok: true, value: undefined });

  const findings = await discover(
    clock,
    lan.host("10.0.0.9"),
    "stable/arm64",
    50,
  );

  assert.deepEqual(findings, [
    { kind: "problem", message: "Asked by mDNS on eth0 10.0.0.9" },
    {
      kind: "peer",
      multiaddr: "/ip4/10.0.0.1/tcp/4001/p2p/12D3KooWLab",
    },
    {
      kind: "candidate",
      candidate: {
        image: { channel: "stable", arch: "arm64" },
        manifestUrl: new URL("http://10.0.0.1:8080/stable/arm64/manifest.json"),
        version: "2026.1",
        source: "mdns",
        providerName: "lab",
        peerId: "12D3KooWLab",
      },
    },
  ]);
  await close(clock, advertiser);
});

Deno.test("mDNS: an image that is not published is not found, but what exists is told", async () => {
  const clock = new FakeClock();
  const lan = new MemoryLan({ clock });
  const advertiser = await advertise(clock, lan.host("10.0.0.1"));
  void advertiser.publish(advertisementOf("stable/arm64"), { signal });
  await clock.advance(1000);

  const findings = await discover(
    clock,
    lan.host("10.0.0.9"),
    "stable/x86_64",
    2000,
  );

  assert.deepEqual(findings, [{
    kind: "problem",
    message: "Asked by mDNS on eth0 10.0.0.9",
  }, {
    kind: "other",
    image: imageOf("stable/arm64"),
  }]);
  await close(clock, advertiser);
});

Deno.test("mDNS: a withdrawn image is no longer found, the others are", async () => {
  const clock = new FakeClock();
  const lan = new MemoryLan({ clock });
  const advertiser = await advertise(clock, lan.host("10.0.0.1"));
  for (const image of ["stable/arm64", "testing/arm64"]) {
    void advertiser.publish(advertisementOf(image), { signal });
  }
  await clock.advance(1000);
  await advertiser.withdraw(imageOf("stable/arm64"), { signal });
  await clock.advance(100);
  const client = lan.host("10.0.0.9");

  assert.deepEqual(urls(await discover(clock, client, "stable/arm64", 50)), []);
  assert.deepEqual(urls(await discover(clock, client, "testing/arm64", 50)), [
    "http://10.0.0.1:8080/testing/arm64/manifest.json",
  ]);
  await close(clock, advertiser);
});

Deno.test("mDNS: a client that asks first finds a provider that starts later", async () => {
  const clock = new FakeClock();
  const lan = new MemoryLan({ clock });
  const searching = discover(clock, lan.host("10.0.0.9"), "stable/arm64", 2500);
  const advertiser = await advertise(clock, lan.host("10.0.0.1"));
  void advertiser.publish(advertisementOf("stable/arm64"), { signal });

  assert.deepEqual(urls(await searching), [
    "http://10.0.0.1:8080/stable/arm64/manifest.json",
  ]);
  await close(clock, advertiser);
});

Deno.test("mDNS: closing says goodbye twice and leaves no timer", async () => {
  const clock = new FakeClock();
  const lan = new MemoryLan({ clock });
  const advertiser = await advertise(clock, lan.host("10.0.0.1"));
  void advertiser.publish(advertisementOf("stable/arm64"), { signal });
  await clock.advance(10_000);
  const before = lan.tapped.length;

  await close(clock, advertiser);

  const sent = lan.tapped.slice(before).map((p) => p.packet);
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[0], sent[1]);
  assert.equal(clock.pending, 0);
});

Deno.test("mDNS: publish() refuses with a reason when port 5353 is taken, and goes on trying", async () => {
  const clock = new FakeClock();
  const lan = new MemoryLan({ clock });
  const host = lan.host("10.0.0.1");
  host.portIsTaken = true;
  const logger = new MemoryLogger();
  const advertiser = await advertise(clock, host, { logger });
  const published = advertiser.publish(advertisementOf("stable/arm64"), {
    signal,
  });
  await clock.advance(3000);
  assert.deepEqual(await published, {
    ok: false,
    reason: "eth0 address in use by another program",
  });

  host.portIsTaken = false;
  await clock.advance(4500);

  assert.deepEqual(logger.lines, [
    "WARN mdns eth0 address in use by another program",
    "INFO mdns eth0 10.0.0.1 established",
  ]);
  const found = await discover(clock, lan.host("10.0.0.9"), "stable/arm64", 50);
  assert.equal(urls(found).length, 1);
  await close(clock, advertiser);
});

Deno.test("mDNS: without any interface both sides say so and keep looking", async () => {
  const clock = new FakeClock();
  const lan = new MemoryLan({ clock });
  const logger = new MemoryLogger();
  const advertiser = await advertise(clock, lan.host(), { logger });
  assert.deepEqual(logger.lines, [
    "WARN mdns no network interface with an address, so nobody on the LAN finds the images",
  ]);
  assert.deepEqual(await discover(clock, lan.host(), "stable/arm64", 3000), [{
    kind: "problem",
    message: "mdns: no network interface with an address",
  }]);
  await close(clock, advertiser);
});
