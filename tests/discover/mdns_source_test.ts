import assert from "node:assert/strict";
import { createMdnsSource } from "../../lib/discover/mdns_source.ts";
import { MdnsLab, urlsOf } from "../support/mdns_lab.ts";
import { decoded } from "../support/mdns_messages.ts";
import { MemoryHost } from "../support/memory_lan.ts";
import { imageOf } from "../support/sample_images.ts";

Deno.test("createMdnsSource() finds images while another program holds port 5353", async () => {
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

Deno.test("createMdnsSource() does not believe what a host beyond the link says", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(2000);
  const truth = lan.tapped.map(({ packet }) => packet)
    .filter((packet) => decoded(packet).isResponse);
  const other = lab.lan();
  const searching = lab.find(other.host("10.0.0.9"), "stable/arm64", 100);
  await lab.clock.advance(10);
  for (const packet of truth) {
    const beyond = { address: "192.0.2.1", port: 5353 };
    other.transmit(packet, beyond, { address: "10.0.0.9", port: 40_000 });
    other.transmit(packet, { address: "10.0.0.2", port: 4000 }, "group");
  }
  assert.deepEqual(urlsOf(await searching), []);
});

Deno.test("createMdnsSource() does not take what came over an interface that it does not use for heard on the link", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(2000);
  const truth = lan.tapped.map(({ packet }) => packet)
    .filter((packet) => decoded(packet).isResponse);
  const other = lab.lan();
  const on = (interfaceName: string, address: string, prefixLength = 24) => ({
    lan: other,
    interfaceName,
    address,
    prefixLength,
  });
  const host = new MemoryHost([
    on("lo", "127.0.0.1", 8),
    on("eth0", "10.0.0.9"),
    on("docker0", "172.17.0.1", 16),
  ]);
  const searching = lab.find(host, "stable/arm64", 100);
  await lab.clock.advance(10);
  // As Linux hands packets of every interface to each socket of the port.
  for (const address of ["127.0.0.1", "172.17.0.5"]) {
    for (const packet of truth) {
      other.transmit(packet, { address, port: 5353 }, "group");
    }
  }
  assert.deepEqual(urlsOf(await searching), []);
});

Deno.test("createMdnsSource() opens nothing when its signal has aborted already", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.9");
  const source = createMdnsSource({
    clock: lab.clock,
    network: host,
    interfaces: [],
  });
  const findings = source.find(imageOf("stable/arm64"), {
    signal: AbortSignal.abort(),
  });
  assert.deepEqual(await Array.fromAsync(findings), []);
  assert.equal(host.sockets.size, 0);
});

Deno.test("createMdnsSource() closes its sockets and timers when the loop ends early", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.9");
  const source = createMdnsSource({
    clock: lab.clock,
    network: host,
    interfaces: [],
  });
  const { signal } = new AbortController();
  for await (const finding of source.find(imageOf("a/b"), { signal })) {
    assert.deepEqual(finding, {
      kind: "problem",
      message: "Asked by mDNS on eth0 10.0.0.9",
    });
    assert.ok(host.sockets.size > 0);
    break;
  }
  assert.equal(host.sockets.size, 0);
  assert.equal(lab.clock.pending, 0);
});

Deno.test("createMdnsSource() tells each trouble once, however often it comes back", async () => {
  await using lab = new MdnsLab();
  const host = lab.lan().host("10.0.0.9");
  host.isUnreachable = true;
  assert.deepEqual(await lab.find(host, "stable/arm64", 20_000), [
    { kind: "problem", message: "Asked by mDNS on eth0 10.0.0.9" },
    { kind: "problem", message: "mdns eth0 10.0.0.9: network unreachable" },
  ]);
});

Deno.test("createMdnsSource() warns once when loopback alone can be asked, unless it was asked for", async () => {
  for (const [interfaces, warnings] of [[[], 1], [["lo"], 0]] as const) {
    await using lab = new MdnsLab();
    const host = new MemoryHost([{
      lan: lab.lan(),
      interfaceName: "lo",
      address: "127.0.0.1",
      prefixLength: 8,
    }]);
    const told: string[] = [];
    const options = { interfaces, warn: (text: string) => told.push(text) };
    await lab.find(host, "stable/arm64", 2000, options);
    assert.equal(told.length, warnings, told.join());
    for (const text of told) {
      assert.match(text, /^mdns only loopback can be used: no other machine/);
    }
  }
});

Deno.test("createMdnsSource() traces what it asks on each link, and which host answers", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  await lab.provide(lan.host("10.0.0.1"), ["stable/arm64"]);
  await lab.clock.advance(2000);
  const events: string[] = [];
  const source = createMdnsSource({
    clock: lab.clock,
    network: lan.host("10.0.0.9"),
    random: () => 0.5,
    interfaces: [],
  });
  const controller = new AbortController();
  const finding = Array.fromAsync(source.find(imageOf("stable/arm64"), {
    signal: controller.signal,
    trace: (event) => events.push(event),
  }));
  await lab.clock.advance(100);
  controller.abort();
  await lab.clock.advance(0);
  await finding;
  assert.equal(
    events[0],
    "mdns eth0 10.0.0.9: asked everybody for _stable-arm64._sub._phase-image._tcp.local, answers to this host alone",
  );
  assert.match(
    events[1] ?? "",
    /^mdns eth0 10\.0\.0\.9: 10\.0\.0\.1 answers with \d+ records$/,
  );
});

Deno.test("createMdnsSource() asks once more just before nobody waits any more", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const stop = new AbortController();
  const source = createMdnsSource({
    clock: lab.clock,
    network: lan.host("10.0.0.9"),
    random: () => 0.5,
    interfaces: [],
  });
  const options = { signal: stop.signal, deadlineMs: 10_000 };
  const searching = Array.fromAsync(
    source.find(imageOf("stable/arm64"), options),
  );
  await lab.clock.advance(10_000);
  stop.abort();
  await searching;
  const asked = lan.tapped.filter(({ from }) => from.port !== 5353);
  assert.equal(asked.at(-1)?.atMs, 9000);
});

Deno.test("createMdnsSource() is not told again what it knows of 300 images, and says so in packets that fit the wire", async () => {
  await using lab = new MdnsLab();
  const lan = lab.lan();
  const images = Array.from({ length: 299 }, (_, i) => `channel-${i}/arm64`);
  const { published } = await lab.provide(lan.host("10.0.0.1"), [
    "stable/arm64",
    ...images,
  ]);
  await lab.clock.advance(10_000);
  await Promise.all(published);
  lan.tapped.length = 0;

  const findings = await lab.find(lan.host("10.0.0.9"), "stable/arm64", 6000);

  assert.equal(urlsOf(findings).length, 1);
  assert.equal(findings.filter(({ kind }) => kind === "other").length, 100);
  const largest = Math.max(...lan.tapped.map(({ packet }) => packet.length));
  assert.ok(largest <= 1440, `${largest} bytes`);
  const known = lan.tapped.filter(({ from, packet }) =>
    from.address === "10.0.0.9" && decoded(packet).answers.length > 0
  );
  assert.ok(known.length > 10, "it says in several packets what it knows");
  const again = lan.tapped.filter(({ to, from, atMs }) =>
    to === "group" && from.address === "10.0.0.1" && atMs > 12_000
  );
  assert.deepEqual(again.map(({ atMs }) => atMs), []);
});
