import assert from "node:assert/strict";
import { MdnsLab } from "../support/mdns_lab.ts";

const URL_1 = "http://10.0.0.1:8080/stable/arm64/manifest.json";

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

Deno.test("mDNS links: a provider is found within 5 s of the moment when a switch port opens", async () => {
  for (const opensMs of [2000, 8000, 17_000, 26_000]) {
    await using lab = new MdnsLab();
    const lan = lab.lan();
    await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
    await lab.clock.advance(5000);
    lan.weather = { loss: 1 };
    const client = lan.host("10.0.0.9");
    const searching = lab.findUrls(client, "stable/arm64", opensMs + 5000);
    await lab.clock.advance(opensMs);
    lan.weather = {};
    assert.deepEqual(await searching, [URL_1], `${opensMs} ms`);
  }
});

Deno.test("mDNS links: fifty clients that start together do not ask in step, nor all of everybody", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const hosts = Array.from(
    { length: 50 },
    (_, i) => lan.host(`10.0.0.${i + 2}`),
  );
  const searching = hosts.map((host) => lab.find(host, "stable/arm64", 40_000));
  await lab.clock.advance(40_000);
  await Promise.all(searching);
  const late = lan.tapped.filter(({ atMs }) => atMs > 20_000);
  const [direct, group] = [
    late.filter(({ from }) => from.port !== 5353),
    late.filter(({ from }) => from.port === 5353),
  ];
  const busiest = Map.groupBy(direct, ({ atMs }) => Math.floor(atMs / 100))
    .values().map((packets) => packets.length);
  assert.ok(
    Math.max(...busiest) < 10,
    "50 clients every 4 s are 1.25 in 100 ms",
  );
  assert.ok(group.length < 10, `${group.length} asked everybody`);
});
