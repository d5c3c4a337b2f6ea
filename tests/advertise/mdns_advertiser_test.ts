import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/net/dns/encode_message.ts";
import { DnsType, queryMessage } from "../../lib/net/dns/message.ts";
import type { InterfaceAddress } from "../../lib/net/interfaces.ts";
import { MdnsLab } from "../support/mdns_lab.ts";
import { decoded, question } from "../support/mdns_messages.ts";
import { MemoryHost, type MemoryLan } from "../support/memory_lan.ts";
import { advertisementOf, imageOf } from "../support/sample_images.ts";

const URL_1 = "http://10.0.0.1:8080/stable/arm64/manifest.json";
const { signal } = new AbortController();

Deno.test("MdnsAdvertiser: publish() refuses with a reason when port 5353 is taken, and goes on trying", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const host = lan.host("10.0.0.1");
  host.portIsTaken = true;
  const { advertiser, logger, published } = await lab.provide(host, [
    "stable/arm64",
  ]);
  await lab.clock.advance(3000);
  assert.deepEqual(await Promise.all(published), [{
    ok: false,
    reason: "eth0 address in use by another program",
  }]);
  assert.deepEqual(advertiser.links(), [{
    interfaceName: "eth0",
    address: "10.0.0.1",
    state: "failed",
    reason: "address in use by another program",
  }]);

  host.portIsTaken = false;
  await lab.clock.advance(4500);

  assert.deepEqual(logger.lines, [
    "WARN mdns eth0 address in use by another program",
    "INFO mdns eth0 10.0.0.1 established",
  ]);
  const client = lan.host("10.0.0.9");
  assert.deepEqual(await lab.findUrls(client, "stable/arm64", 50), [URL_1]);
});

Deno.test("MdnsAdvertiser tells of an interface that is named but not there", async () => {
  await using lab = new MdnsLab();
  const { logger } = await lab.provide(lab.lan().host("10.0.0.1"), [], {
    interfaces: ["eth9"],
  });
  assert.deepEqual(logger.lines, [
    'WARN mdns no interface "eth9" with an address, so nobody on the LAN finds the images',
  ]);
});

Deno.test("MdnsAdvertiser does not call a link established on which nothing can be sent", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const host = lan.host("10.0.0.1");
  host.isUnreachable = true;
  const { advertiser, logger } = await lab.provide(host, ["stable/arm64"]);
  // What comes in meanwhile must not make it go on as if it were heard.
  const question = encodeMessage(queryMessage([]));
  for (let i = 0; i < 100; i++) {
    lan.transmit(question, { address: "10.0.0.9", port: 5353 }, "group");
    await lab.clock.advance(100);
  }
  assert.deepEqual(logger.lines, ["WARN mdns eth0 network unreachable"]);
  assert.equal(advertiser.links()[0]?.state, "failed");

  host.isUnreachable = false;
  await lab.clock.advance(7000);
  assert.deepEqual(logger.lines.slice(1), [
    "INFO mdns eth0 10.0.0.1 established",
  ]);
  assert.equal(advertiser.links()[0]?.state, "established");
});

Deno.test("MdnsAdvertiser does not call a link established on which it does not hear itself, and says so", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.1");
  host.hearsItself = false;
  const { advertiser, logger, published } = await lab.provide(host, [
    "stable/arm64",
  ]);
  await lab.clock.advance(5000);
  const reason =
    "does not hear itself, a firewall may drop multicast to UDP port 5353";
  assert.deepEqual(await Promise.all(published), [
    { ok: false, reason: `eth0 ${reason}` },
  ]);
  assert.deepEqual(advertiser.links(), [{
    interfaceName: "eth0",
    address: "10.0.0.1",
    state: "probing",
    reason,
  }]);
  assert.deepEqual(logger.lines, []);
});

Deno.test("MdnsAdvertiser tells of an interface that goes away", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.1");
  const { advertiser, logger } = await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(5000);
  host.unplug();
  await lab.clock.advance(5000);
  assert.deepEqual(logger.lines.slice(1), [
    "WARN mdns eth0 10.0.0.1 gone",
    "WARN mdns no network interface with an address, so nobody on the LAN finds the images",
  ]);
  assert.deepEqual(advertiser.links(), []);
});

Deno.test("MdnsAdvertiser warns when loopback alone is left, unless it was asked for", async () => {
  const machine = (lan: MemoryLan, ...further: InterfaceAddress[]) =>
    new MemoryHost([
      { interfaceName: "lo", address: "127.0.0.1", prefixLength: 8 },
      ...further,
    ].map((address) => ({ lan, ...address })));
  const eth0 = { interfaceName: "eth0", prefixLength: 24 };
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const host = machine(lan, { ...eth0, address: "fe80::1" });
  const { logger } = await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(10_000);
  assert.deepEqual(logger.lines, [
    "WARN mdns only loopback can be used (eth0 is up but has no address beyond fe80::1), so nobody on the LAN finds the images",
    "INFO mdns lo 127.0.0.1 established",
  ]);
  host.plug(lan, "10.0.0.1");
  await lab.clock.advance(5000);
  assert.deepEqual(logger.lines.slice(2), [
    "WARN mdns lo 127.0.0.1 gone",
    "INFO mdns eth0 10.0.0.1 established",
  ]);

  const asked = await lab.provide(machine(lan), ["stable/arm64"], {
    interfaces: ["lo"],
    hostName: "other",
  });
  await lab.clock.advance(5000);
  assert.deepEqual(asked.logger.lines, ["INFO mdns lo 127.0.0.1 established"]);
});

Deno.test("MdnsAdvertiser counts nonsense, and tells of it once a minute", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const { logger } = await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(5000);
  for (let second = 0; second < 90; second++) {
    lan.transmit(
      new Uint8Array(5),
      { address: "10.0.0.66", port: 5353 },
      "group",
    );
    await lab.clock.advance(1000);
  }
  assert.deepEqual(logger.lines.slice(1), [
    "WARN mdns eth0 malformed packets ignored: 1, the last one: header cut short",
    "WARN mdns eth0 malformed packets ignored: 60, the last one: header cut short",
  ]);
});

Deno.test("MdnsAdvertiser: publish() ends when the advertiser is closed, or its signal aborts", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.1");
  const { advertiser, published } = await lab.provide(host, ["stable/arm64"]);
  const stop = new AbortController();
  const aborted = advertiser.publish(advertisementOf("testing/arm64"), {
    signal: stop.signal,
  });
  stop.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  await lab.close(advertiser);
  assert.deepEqual(await Promise.all(published), [{
    ok: false,
    reason: "mDNS is being shut down",
  }]);
});

Deno.test("MdnsAdvertiser says goodbye twice when it is closed, and leaves no timer", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const { advertiser } = await lab.provide(lan.host("10.0.0.1"), [
    "stable/arm64",
  ]);
  await lab.clock.advance(10_000);
  const before = lan.tapped.length;

  await lab.close(advertiser);

  const sent = lan.tapped.slice(before).map((p) => p.packet);
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[0], sent[1]);
  assert.equal(lab.clock.pending, 0);
});

Deno.test("MdnsAdvertiser: isPublished() holds once a link is established, until the image is withdrawn", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.1");
  const { advertiser } = await lab.provide(host, ["stable/arm64"]);
  const image = imageOf("stable/arm64");
  assert.equal(advertiser.isPublished(image), false, "it is being probed");
  await lab.clock.advance(1000);
  assert.equal(advertiser.isPublished(image), true);
  assert.equal(advertiser.isPublished(imageOf("testing/arm64")), false);
  await advertiser.withdraw(image);
  assert.equal(advertiser.isPublished(image), false);
});

Deno.test("MdnsAdvertiser: publish() refuses after it is closed", async () => {
  await using lab = new MdnsLab();
  const { advertiser } = await lab.provide(lab.lan().host("10.0.0.1"), []);
  await lab.close(advertiser);
  assert.deepEqual(
    await advertiser.publish(advertisementOf("stable/arm64"), { signal }),
    { ok: false, reason: "mDNS is being shut down" },
  );
});

Deno.test("MdnsAdvertiser: publish() of many images at once waits for them together", async () => {
  await using lab = new MdnsLab();
  const images = Array.from({ length: 300 }, (_, i) => `c${i}/arm64`);
  const { published } = await lab.provide(lab.lan().host("10.0.0.1"), images);
  await lab.clock.advance(1000);
  const results = await Promise.all(published);
  assert.equal(results.filter(({ ok }) => ok).length, 300);
});

/** A host with that many interfaces on a LAN, in one subnet or each its own. */
function hostWith(
  count: number,
  lan: MemoryLan,
  subnet: (i: number) => number,
) {
  return new MemoryHost(Array.from({ length: count }, (_, i) => ({
    lan,
    interfaceName: `eth${i}`,
    address: `10.${subnet(i)}.0.${i + 1}`,
    prefixLength: 24,
  })));
}

Deno.test("MdnsAdvertiser answers a host alone once, and everybody once by each interface, however many are in one subnet", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(hostWith(5, lan, () => 0), ["stable/arm64"]);
  await lab.clock.advance(10_000);
  const answersTo = async (port: number) => {
    lan.tapped.length = 0;
    const asked = question("_phase-image._tcp.local", DnsType.PTR);
    const packet = encodeMessage(queryMessage([asked], { id: port }));
    lan.transmit(packet, { address: "10.0.0.99", port }, "group");
    await lab.clock.advance(500);
    return lan.tapped.slice(1).map(({ from, to }) => `${from.address} ${to}`);
  };
  assert.deepEqual(await answersTo(40_000), ["10.0.0.1 10.0.0.99"]);
  assert.deepEqual(
    (await answersTo(5353)).sort(),
    [1, 2, 3, 4, 5].map((i) => `10.0.0.${i} group`),
  );
});

Deno.test("MdnsAdvertiser takes nothing of its own for another host's, on however many links", async () => {
  await using lab = new MdnsLab();
  const images = Array.from({ length: 60 }, (_, i) => `channel-${i}/arm64`);
  const lan = lab.lan();
  const { logger } = await lab.provide(hostWith(40, lan, (i) => i), images);
  await lab.clock.advance(10_000);
  const established = logger.lines.filter((l) => l.includes("established"));
  assert.deepEqual([logger.lines.length, established.length], [40, 40]);
  lan.tapped.length = 0;
  await lab.clock.advance(10_000);
  assert.equal(lan.tapped.length, 0, "nothing is disputed");
});

/** The names in what was answered or announced, and in what was asked. */
function namesOn(lan: MemoryLan) {
  const messages = lan.tapped.map(({ packet }) => decoded(packet));
  return {
    said: messages.flatMap(({ answers, additionals }) =>
      [...answers, ...additionals].flatMap((record) =>
        record.type === DnsType.PTR
          ? [record.name, record.target]
          : [record.name]
      )
    ),
    asked: messages.flatMap(({ questions }) => questions.map((q) => q.name)),
  };
}

const GONE = "phase-gone-arm64-lab._phase-image._tcp.local";

Deno.test("MdnsAdvertiser announces an image without delay whose name was reserved, and is silent of the others", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const host = lan.host("10.0.0.1");
  const { advertiser, logger } = await lab.provide(host, []);
  const stable = imageOf("stable/arm64");
  advertiser.reserve([stable, imageOf("gone/arm64")]);
  await lab.clock.advance(5000);
  assert.equal(advertiser.isPublished(stable), false);
  assert.equal(advertiser.links()[0]?.state, "probing");
  const client = lan.host("10.0.0.9");
  assert.deepEqual(await lab.findUrls(client, "stable/arm64", 500), []);
  assert.deepEqual(logger.lines, []);
  assert.deepEqual(namesOn(lan).said, []);
  assert.equal(namesOn(lan).asked.filter((name) => name === GONE).length, 3);

  // A link that comes meanwhile is probed on as well.
  const rack = lab.lan();
  const eth1 = { interfaceName: "eth1", address: "10.1.0.1", prefixLength: 24 };
  host.interfaces = [...host.interfaces, { lan: rack, ...eth1 }];
  await lab.clock.advance(5000);
  assert.equal(namesOn(rack).asked.filter((name) => name === GONE).length, 3);
  const published = advertiser.publish(advertisementOf("stable/arm64"), {
    signal,
  });
  await lab.clock.advance(0);
  assert.deepEqual(await published, { ok: true, value: undefined });
  assert.deepEqual(await lab.findUrls(client, "stable/arm64", 50), [URL_1]);
  assert.deepEqual(
    await lab.findUrls(rack.host("10.1.0.9"), "stable/arm64", 50),
    [URL_1.replace("10.0.0.1", "10.1.0.1")],
  );
  advertiser.release();
  await lab.findUrls(client, "gone/arm64", 500);
  await lab.close(advertiser);
  const said = [lan, rack].flatMap((one) => namesOn(one).said);
  assert.ok(said.some((name) => name.startsWith("phase-stable-arm64-lab.")));
  assert.deepEqual(said.filter((name) => name.includes("gone")), []);
});

Deno.test("MdnsAdvertiser takes another name for what was reserved when a host has that, and publishes by it", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.2"), ["stable/arm64"], { port: 9090 });
  await lab.clock.advance(5000);
  const { advertiser, logger } = await lab.provide(lan.host("10.0.0.1"), []);
  advertiser.reserve([imageOf("stable/arm64")]);
  await lab.clock.advance(5000);
  const published = advertiser.publish(advertisementOf("stable/arm64"), {
    signal,
  });
  await lab.clock.advance(0);
  assert.deepEqual(await published, { ok: true, value: undefined });
  assert.deepEqual(logger.lines, [
    "INFO mdns name phase-lab.local belongs to another host, trying phase-lab-2.local",
    "INFO mdns name phase-stable-arm64-lab._phase-image._tcp.local belongs to another host, trying phase-stable-arm64-lab-2._phase-image._tcp.local",
    "INFO mdns eth0 10.0.0.1 established",
  ]);
});

Deno.test("MdnsAdvertiser settles names between hosts that have reserved them, whichever publishes first", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const image = imageOf("stable/arm64");
  const hosts = await Promise.all(
    [1, 2].map((i) => lab.provide(lan.host(`10.0.0.${i}`), [])),
  );
  for (const { advertiser } of hosts) advertiser.reserve([image]);
  await lab.clock.advance(10_000);
  const publish = ({ advertiser }: (typeof hosts)[number]) =>
    advertiser.publish(advertisementOf("stable/arm64"), { signal });
  const published = hosts.map(publish);
  await lab.clock.advance(5000);
  await Promise.all(published);
  const urls = await lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 500);
  assert.equal(urls.length, 2);
  assert.equal(hosts.filter((h) => h.advertiser.isPublished(image)).length, 2);
});
