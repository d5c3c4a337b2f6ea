import assert from "node:assert/strict";
import { DnsType } from "../../lib/net/dns/message.ts";
import { MdnsLab, urlsOf } from "../support/mdns_lab.ts";
import { decoded, describeRecord } from "../support/mdns_messages.ts";
import { MemoryHost } from "../support/memory_lan.ts";
import { advertisementOf, imageOf } from "../support/sample_images.ts";

const { signal } = new AbortController();

Deno.test("mDNS: an image that is published is found, with all it says", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const { published } = await lab.provide(
    lan.host("10.0.0.1"),
    ["stable/arm64"],
    {
      p2pAddress: (address) =>
        `/ip4/${address}/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5`,
    },
  );
  await lab.clock.advance(1000);
  assert.deepEqual(await Promise.all(published), [
    { ok: true, value: undefined },
  ]);

  const findings = await lab.find(lan.host("10.0.0.9"), "stable/arm64", 50);

  assert.deepEqual(findings, [
    { kind: "problem", message: "Asked by mDNS on eth0 10.0.0.9" },
    {
      kind: "peer",
      multiaddr:
        "/ip4/10.0.0.1/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
    },
    {
      kind: "candidate",
      candidate: {
        image: { channel: "stable", arch: "arm64" },
        manifestUrl: new URL("http://10.0.0.1:8080/stable/arm64/manifest.json"),
        version: "2026.1",
        source: "mdns",
        providerName: "lab",
        peerId: "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
      },
    },
  ]);
});

Deno.test("mDNS: an image that is not published is not found, but what exists is told", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(1000);

  // As long as the shortest timeout in use lasts.
  const findings = await lab.find(lan.host("10.0.0.9"), "stable/x86_64", 900);

  assert.deepEqual(findings, [
    { kind: "problem", message: "Asked by mDNS on eth0 10.0.0.9" },
    { kind: "other", image: imageOf("stable/arm64") },
  ]);
});

Deno.test("mDNS: of several providers each is found", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan({ delayMs: [0, 2] });
  for (const [i, version] of ["2026.9", "2026.10", "2025.11"].entries()) {
    const { advertiser } = await lab.provide(lan.host(`10.0.0.${i + 1}`), [], {
      hostName: `lab${i}`,
    });
    void advertiser.publish(advertisementOf("stable/arm64", version), {
      signal,
    });
  }
  await lab.clock.advance(2000);

  const findings = await lab.find(lan.host("10.0.0.9"), "stable/arm64", 50);

  const versions = findings.flatMap((f) =>
    f.kind === "candidate" ? [f.candidate.version] : []
  );
  assert.deepEqual(versions.sort(), ["2025.11", "2026.10", "2026.9"]);
});

Deno.test("mDNS: a withdrawn image is no longer found, the others are", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const { advertiser } = await lab.provide(lan.host("10.0.0.1"), [
    "stable/arm64",
    "testing/arm64",
  ]);
  await lab.clock.advance(1000);
  await advertiser.withdraw(imageOf("stable/arm64"));
  await lab.clock.advance(100);
  const client = lan.host("10.0.0.9");

  assert.deepEqual(await lab.findUrls(client, "stable/arm64", 50), []);
  assert.deepEqual(await lab.findUrls(client, "testing/arm64", 50), [
    "http://10.0.0.1:8080/testing/arm64/manifest.json",
  ]);
});

Deno.test("mDNS: a new version is told to those who listen", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const { advertiser } = await lab.provide(lan.host("10.0.0.1"), [
    "stable/arm64",
  ]);
  await lab.clock.advance(5000);
  const searching = lab.find(lan.host("10.0.0.9"), "stable/arm64", 3000);
  void advertiser.publish(advertisementOf("stable/arm64", "2027.1"), {
    signal,
  });

  const versions = (await searching).flatMap((f) =>
    f.kind === "candidate" ? [f.candidate.version] : []
  );
  assert.deepEqual(versions.at(-1), "2027.1");
});

Deno.test("mDNS: a client that asks first finds a provider within a second of its start", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const searching = lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 2501);
  await lab.clock.advance(1500);
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);

  assert.deepEqual(await searching, [
    "http://10.0.0.1:8080/stable/arm64/manifest.json",
  ]);
});

Deno.test("mDNS: two providers of the same name take different ones, and both are found", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan({ delayMs: [0, 3] });
  const labs = await Promise.all(
    ["10.0.0.1", "10.0.0.2"].map((address) =>
      lab.provide(lan.host(address), ["stable/arm64"])
    ),
  );
  await lab.clock.advance(4000);

  const urls = await lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 50);
  assert.deepEqual(urls, [
    "http://10.0.0.1:8080/stable/arm64/manifest.json",
    "http://10.0.0.2:8080/stable/arm64/manifest.json",
  ]);
  const renamed = labs.flatMap(({ logger }) => logger.lines)
    .filter((line) => line.includes("belongs to another host")).sort();
  assert.deepEqual(renamed, [
    "INFO mdns name phase-lab.local belongs to another host, trying phase-lab-2.local",
    "INFO mdns name phase-stable-arm64-lab._phase-image._tcp.local belongs to another host, trying phase-stable-arm64-lab-2._phase-image._tcp.local",
  ]);
});

Deno.test("mDNS: a provider that joins later leaves the name to whom it belongs", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const first = await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(60_000);
  const second = await lab.provide(lan.host("10.0.0.2"), ["stable/arm64"]);
  await lab.clock.advance(4000);

  assert.equal(first.logger.lines.length, 1, "established, and that is all");
  assert.ok(second.logger.lines.some((l) => l.endsWith("phase-lab-2.local")));
  const urls = await lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 50);
  assert.equal(urls.length, 2);
});

Deno.test("mDNS: images whose names differ only in what DNS labels cannot hold are both found", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1"), ["v1.2/arm64", "v1-2/arm64"]);
  await lab.clock.advance(1000);
  const client = lan.host("10.0.0.9");

  for (const image of ["v1.2/arm64", "v1-2/arm64"]) {
    const findings = await lab.find(client, image, 50);
    assert.deepEqual(urlsOf(findings), [
      `http://10.0.0.1:8080/${image}/manifest.json`,
    ]);
  }
});

Deno.test("mDNS: the longest names are shortened alike on both sides", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const [a, b] = ["a", "b"].map((end) =>
    `${"c".repeat(31)}${end}/${"d".repeat(32)}`
  );
  assert.ok(a && b);
  await lab.provide(lan.host("10.0.0.1"), [a, b], {
    hostName: "a-host-name-that-is-far-too-long.example.org",
  });
  await lab.clock.advance(1000);
  const client = lan.host("10.0.0.9");
  assert.equal((await lab.findUrls(client, a, 50)).length, 1);
  assert.equal((await lab.findUrls(client, b, 50)).length, 1);
});

Deno.test("mDNS: nine images fit the wire", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const images = ["stable", "testing", "nightly"].flatMap((channel) =>
    ["arm64", "x86_64", "riscv64"].map((arch) => `${channel}/${arch}`)
  );
  await lab.provide(lan.host("10.0.0.1"), images);
  await lab.clock.advance(5000);
  const findings = await lab.find(lan.host("10.0.0.9"), "other/arm64", 2000);

  assert.equal(findings.filter(({ kind }) => kind === "other").length, 9);
  const sizes = lan.tapped.map(({ packet }) => packet.length);
  assert.ok(Math.max(...sizes) <= 1440, `${Math.max(...sizes)} bytes`);
});

Deno.test("mDNS: with two LANs each client gets the address of its own, and neither LAN hears of the other", async () => {
  await using lab = new MdnsLab();
  const [office, rack] = [lab.lan(), lab.lan()];
  const host = new MemoryHost([
    {
      lan: office,
      interfaceName: "eth0",
      address: "10.0.0.1",
      prefixLength: 24,
    },
    { lan: rack, interfaceName: "eth1", address: "10.1.0.1", prefixLength: 24 },
  ]);
  await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(4000);

  assert.deepEqual(
    await lab.findUrls(office.host("10.0.0.9"), "stable/arm64", 50),
    ["http://10.0.0.1:8080/stable/arm64/manifest.json"],
  );
  assert.deepEqual(
    await lab.findUrls(rack.host("10.1.0.9"), "stable/arm64", 50),
    ["http://10.1.0.1:8080/stable/arm64/manifest.json"],
  );
  const textOf = (packet: Uint8Array) =>
    new TextDecoder("latin1").decode(packet);
  for (
    const [lan, foreign] of [[office, "10.1.0"], [rack, "10.0.0"]] as const
  ) {
    for (const { packet } of lan.tapped) {
      assert.ok(!textOf(packet).includes(foreign));
      const { answers, additionals } = decoded(packet);
      for (const record of [...answers, ...additionals]) {
        if (record.type !== DnsType.A) continue;
        assert.ok(!record.address.startsWith(foreign), record.address);
      }
    }
  }
});

Deno.test("mDNS: two interfaces on one LAN are no conflict", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const { logger } = await lab.provide(
    new MemoryHost([
      { lan, interfaceName: "eth0", address: "10.0.0.1", prefixLength: 24 },
      { lan, interfaceName: "wlan0", address: "10.0.0.2", prefixLength: 24 },
    ]),
    ["stable/arm64"],
  );
  await lab.clock.advance(10_000);
  assert.deepEqual(logger.lines, [
    "INFO mdns eth0 10.0.0.1 established",
    "INFO mdns wlan0 10.0.0.2 established",
  ]);
  const client = lan.host("10.0.0.9");
  const atOnce = await lab.findUrls(client, "stable/arm64", 50);
  assert.equal(atOnce.length, 1, "one of them answers those who ask alone");
  const urls = await lab.findUrls(client, "stable/arm64", 1500);
  assert.equal(urls.length, 2);
});

Deno.test("mDNS: a client with an IPv6 address only gets an IPv6 URL, of both kinds IPv4 first", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1", "fd77::1", "fe80::1"), [
    "stable/arm64",
  ]);
  await lab.clock.advance(2000);
  const [v4, v6] = ["10.0.0.1", "[fd77::1]"].map((host) =>
    `http://${host}:8080/stable/arm64/manifest.json`
  );
  const client6 = lan.host("fd77::9");
  assert.deepEqual(await lab.findUrls(client6, "stable/arm64", 50), [v6]);
  const both = lan.host("10.0.0.9", "fd77::9");
  assert.deepEqual(await lab.findUrls(both, "stable/arm64", 50), [v4, v6]);
});

Deno.test("mDNS: both families of an interface say the same, with link-local addresses that no URL has", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1", "fd77::1", "fe80::1"), [
    "stable/arm64",
  ]);
  await lab.clock.advance(2000);
  const said = [4, 6].map((family) => {
    const records = lan.tapped
      .filter(({ from }) => from.address.includes(":") === (family === 6))
      .flatMap(({ packet }) => decoded(packet))
      .flatMap(({ answers, additionals }) => [...answers, ...additionals]);
    return new Set(records.map(describeRecord));
  });
  assert.deepEqual(said[0], said[1]);
  const lines = [...said[0] ?? []];
  assert.deepEqual(
    lines.filter((line) => /^A+ /.test(line)).map((l) => l.split(" ")[2]),
    ["10.0.0.1", "fd77::1", "fe80::1"],
  );
  const texts = lines.filter((line) => line.startsWith("TXT "));
  assert.equal(texts.length, 1);
  assert.ok(!lines.join().includes("http://[fe80"), lines.join("\n"));
});

Deno.test("mDNS: what HTTP does not answer on is not advertised", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const { advertiser } = await lab.provide(
    lan.host("10.0.0.1", "fd77::1"),
    ["stable/arm64"],
    { isServed: (address) => !address.includes(":") },
  );
  await lab.clock.advance(2000);
  assert.deepEqual(
    await lab.findUrls(lan.host("fd77::9"), "stable/arm64", 2000),
    [],
  );
  assert.deepEqual(advertiser.links().map(({ state }) => state), [
    "established",
    "idle",
  ]);
});

Deno.test("mDNS: an advertise URL replaces the link's address", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"], {
    advertiseUrl: new URL("https://boot.example.org/images/"),
  });
  await lab.clock.advance(1000);
  assert.deepEqual(
    await lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 50),
    ["https://boot.example.org/images/stable/arm64/manifest.json"],
  );
});

Deno.test("mDNS: found in bad weather, with loss, duplicates and packets overtaking each other", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan({ loss: 0.3, duplication: 0.3, delayMs: [0, 40] });
  for (const n of [1, 2, 3]) {
    await lab.provide(lan.host(`10.0.0.${n}`), ["stable/arm64"]);
  }
  await lab.clock.advance(15_000);
  const urls = await lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 8000);
  assert.deepEqual(
    urls.sort(),
    [1, 2, 3].map((n) => `http://10.0.0.${n}:8080/stable/arm64/manifest.json`),
  );
});

Deno.test("mDNS: 40 clients that boot within 200 ms all find it at once", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan({ delayMs: [0, 1] });
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(5000);
  const searches: Promise<string[]>[] = [];
  for (let n = 0; n < 40; n++) {
    searches.push(
      lab.findUrls(lan.host(`10.0.0.${n + 10}`), "stable/arm64", 30),
    );
    await lab.clock.advance(5);
  }
  const found = await Promise.all(searches);
  assert.deepEqual(found.filter((urls) => urls.length === 1).length, 40);
});

Deno.test("mDNS: a question on one LAN is not answered on the other", async () => {
  await using lab = new MdnsLab();
  const [office, rack] = [lab.lan(), lab.lan()];
  const host = new MemoryHost([
    {
      lan: office,
      interfaceName: "eth0",
      address: "10.0.0.1",
      prefixLength: 24,
    },
    { lan: rack, interfaceName: "eth1", address: "10.1.0.1", prefixLength: 24 },
  ]);
  await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(10_000);
  const [inOffice, inRack] = [office.tapped.length, rack.tapped.length];
  await lab.find(office.host("10.0.0.9"), "other/arm64", 5000);
  assert.ok(office.tapped.length > inOffice);
  assert.equal(rack.tapped.length, inRack);
});
