import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/net/dns/encode_message.ts";
import { queryMessage } from "../../lib/net/dns/message.ts";
import type { InterfaceAddress } from "../../lib/net/interfaces.ts";
import { MdnsLab } from "../support/mdns_lab.ts";
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
