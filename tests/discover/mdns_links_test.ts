import assert from "node:assert/strict";
import { encodeMessage } from "../../lib/net/dns/encode_message.ts";
import { queryMessage } from "../../lib/net/dns/message.ts";
import { MdnsLab } from "../support/mdns_lab.ts";
import { advertisementOf } from "../support/sample_images.ts";

const URL_1 = "http://10.0.0.1:8080/stable/arm64/manifest.json";

Deno.test("mDNS links: publish() refuses with a reason when port 5353 is taken, and goes on trying", async () => {
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

Deno.test("mDNS links: a client finds images while another program holds port 5353", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(1000);
  const client = lan.host("10.0.0.9");
  client.portIsTaken = true;

  const findings = await lab.find(client, "stable/arm64", 50);

  const kinds = findings.map((f) => f.kind === "problem" ? f.message : f.kind);
  assert.deepEqual(kinds, [
    "Asked by mDNS on eth0 10.0.0.9",
    "candidate",
    "mdns eth0 10.0.0.9: address in use by another program",
  ]);
});

Deno.test("mDNS links: without any interface both sides say so and keep looking", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const [server, client] = [lan.host(), lan.host()];
  const { logger } = await lab.provide(server, ["stable/arm64"]);
  assert.deepEqual(logger.lines, [
    "WARN mdns no network interface with an address, so nobody on the LAN finds the images",
  ]);
  assert.deepEqual(await lab.find(client, "stable/arm64", 3000), [{
    kind: "problem",
    message: "mdns: no network interface with an address",
  }]);

  const searching = lab.findUrls(client, "stable/arm64", 6000);
  server.plug(lan, "10.0.0.1");
  client.plug(lan, "10.0.0.9");
  assert.deepEqual(await searching, [URL_1]);
});

Deno.test("mDNS links: an interface that is named but not there is told", async () => {
  await using lab = new MdnsLab();
  const { logger } = await lab.provide(lab.lan().host("10.0.0.1"), [], {
    interfaces: ["eth9"],
  });
  assert.deepEqual(logger.lines, [
    'WARN mdns no interface "eth9" with an address, so nobody on the LAN finds the images',
  ]);
});

Deno.test("mDNS links: a link on which nothing can be sent is not called established", async () => {
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

Deno.test("mDNS links: a changed address is the one that is found, within 7 s", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const host = lan.host("10.0.0.1");
  const { logger } = await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(5000);
  host.unplug();
  host.plug(lan, "10.0.0.3");
  await lab.clock.advance(7000);
  assert.deepEqual(
    await lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 50),
    ["http://10.0.0.3:8080/stable/arm64/manifest.json"],
  );
  assert.deepEqual(logger.lines, [
    "INFO mdns eth0 10.0.0.1 established",
    "INFO mdns eth0 10.0.0.3 established",
  ]);
});

Deno.test("mDNS links: an interface that comes back under the same name is heard again, within 7 s", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const host = lan.host("10.0.0.1");
  const { logger } = await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(5000);
  host.unplug();
  host.plug(lan, "10.0.0.1");
  assert.deepEqual(
    await lab.findUrls(lan.host("10.0.0.8"), "stable/arm64", 50),
    [],
    "the socket's membership is gone",
  );
  await lab.clock.advance(7000);
  assert.deepEqual(
    await lab.findUrls(lan.host("10.0.0.9"), "stable/arm64", 50),
    [URL_1],
  );
  assert.deepEqual(logger.lines, [
    "INFO mdns eth0 10.0.0.1 established",
    "WARN mdns eth0 interface was re-created",
    "INFO mdns eth0 10.0.0.1 established",
  ]);
});

Deno.test("mDNS links: an interface that goes away is told", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.1");
  const { advertiser, logger } = await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(5000);
  host.unplug();
  await lab.clock.advance(5000);
  assert.equal(logger.lines.at(-1), "WARN mdns eth0 10.0.0.1 gone");
  assert.deepEqual(advertiser.links(), []);
});

Deno.test("mDNS links: nonsense is counted, and told once a minute", async () => {
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

Deno.test("mDNS links: publish() ends when the advertiser is closed, or its signal aborts", async () => {
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
