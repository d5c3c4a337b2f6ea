/**
 * Providers of which a client cannot reach every address: the programs as
 * their users run them, on LANs where two subnets share a wire.
 */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import { type LabHost, labTest } from "../support/network_lab.ts";
import {
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** Starts a provider of stable/arm64, and waits until it is found by mDNS. */
async function serve(host: LabHost, root: string): Promise<RunningProgram> {
  await makeFiles(`${root}/artifacts`, { "stable/arm64/vmlinuz": 1 << 16 });
  const provider = start("plasmd", [
    ...["serve", "--artifacts", `${root}/artifacts`],
    ...["--state-dir", `${root}/state`, "--no-dht"],
  ], { prefix: host.prefix });
  await provider.line(/Advertising stable\/arm64/);
  return provider;
}

/** What `phase_discover` on a host prints, and why. */
async function discover(host: LabHost) {
  const { code, stdout, stderr } = await run("phase_discover", [
    ...["--channel", "stable", "--arch", "arm64", "--mode", "lan"],
    ...["--timeout", "8", "--quiet", "--explain"],
  ], { prefix: host.prefix });
  return { code, url: stdout.trim(), stderr };
}

function urlAt(address: string): string {
  return `http://${address}:8080/stable/arm64/manifest.json`;
}

labTest(
  "a client reaches a provider of two subnets by the address on its own",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const addresses = ["10.77.0.1/24", "10.78.0.1/24"];
    const server = await lab.hostOn(lan, ...addresses);
    await using directory = await temporaryDirectory();
    await using _provider = await serve(server, directory.path);
    for (const subnet of ["10.77.0", "10.78.0"]) {
      const client = await lab.hostOn(lan, `${subnet}.9/24`);
      const found = await discover(client);
      assert.equal(found.url, urlAt(`${subnet}.1`), found.stderr);
    }
  },
);

labTest(
  "a client tries a provider's other address where the preferred one cannot be reached",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24", "10.78.0.1/24");
    await using directory = await temporaryDirectory();
    await using _provider = await serve(server, directory.path);
    const client = await lab.hostOn(lan, "10.77.0.9/24", "10.78.0.9/24");
    await client.exec("ip", ..."route add prohibit 10.77.0.1".split(" "));
    const found = await discover(client);
    assert.equal(found.url, urlAt("10.78.0.1"), found.stderr);
    assert.ok(
      found.stderr.includes(`No manifest from ${urlAt("10.77.0.1")}`),
      found.stderr,
    );
  },
);

labTest(
  "a client finds a provider of another subnet on the same wire",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.78.0.1/24");
    const client = await lab.hostOn(lan, "10.77.0.2/24");
    await server.exec("ip", ..."route add 10.77.0.0/24 dev e0".split(" "));
    await client.exec("ip", ..."route add 10.78.0.0/24 dev e0".split(" "));
    await using directory = await temporaryDirectory();
    await using _provider = await serve(server, directory.path);
    const found = await discover(client);
    assert.equal(found.url, urlAt("10.78.0.1"), found.stderr);
  },
);

labTest(
  "a deprecated address of IPv6 is named last, from the moment on that it is one",
  [],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "fd77::1/64");
    const deprecated = "fd78::1/64 dev e0 nodad preferred_lft 0";
    await server.exec("ip", "address", "add", ...deprecated.split(" "));
    const client = await lab.hostOn(lan, "fd77::9/64", "fd78::9/64");
    await using directory = await temporaryDirectory();
    await using _provider = await serve(server, directory.path);
    const found = await discover(client);
    assert.equal(found.url, urlAt("[fd77::1]"), found.stderr);

    // Renumbered, with another address that shows that something has changed.
    for (
      const change of [
        "change fd78::1/64 dev e0",
        "change fd77::1/64 dev e0 preferred_lft 0",
        "add fd76::1/64 dev e0 nodad preferred_lft 0",
      ]
    ) await server.exec("ip", "address", ...change.split(" "));
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const later = await discover(client);
    assert.equal(later.url, urlAt("[fd78::1]"), later.stderr);
  },
);

labTest(
  "a link is established once the provider hears itself there, not while a firewall drops it or it is down",
  ["nft"],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24");
    const client = await lab.hostOn(lan, "10.77.0.9/24");
    await server.plug("e1", lan, "10.77.0.2/24");
    await server.exec("ip", "link", "set", "e1", "down");
    const nft = (rule: string) => server.exec("nft", ...rule.split(" "));
    await nft("add table inet t");
    await nft("add chain inet t in { type filter hook input priority 0 ; }");
    await nft("add rule inet t in udp dport 5353 drop");
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await makeFiles(`${root}/artifacts`, { "stable/arm64/vmlinuz": 1000 });
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", `${root}/artifacts`, "--no-dht"],
      ...["--state-dir", `${root}/state`],
    ], { prefix: server.prefix });
    await provider.line(/e0 does not hear itself, a firewall may drop/);
    await provider.line(/WARN mdns e1 network unreachable/);
    const said = provider.lines().join("\n");
    assert.ok(!/established|Advertising/.test(said), said);
    await nft("delete table inet t");
    const found = await discover(client);
    assert.equal(found.url, urlAt("10.77.0.1"), found.stderr);
    await provider.line(/mdns e0 10\.77\.0\.1 established/);
    await provider.line(/Advertising stable\/arm64/);
    assert.ok(!provider.lines().join().includes("mdns e1 10.77.0.2 estab"));
  },
);

labTest(
  "avahi hears the same of a provider by IPv4 and by IPv6",
  ["avahi-daemon", "dbus-daemon"],
  async (lab) => {
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, "10.77.0.1/24", "fd77::1/64");
    const client = await lab.hostOn(lan, "10.77.0.9/24", "fd77::9/64");
    await using directory = await temporaryDirectory();
    await using provider = await serve(server, directory.path);
    await provider.line(/mdns e0 fd77::1 established/);
    await client.startAvahi("stranger", "use-ipv6=yes");
    const browse = ["-rpt", "_phase-image._tcp"];
    const said = await client.exec("avahi-browse", ...browse);
    const heard = said.split("\n").filter((line) => line.startsWith("="))
      .map((line) => line.split(";"));
    const families = heard.map(([, , family]) => family);
    assert.deepEqual([...new Set(families)].sort(), ["IPv4", "IPv6"], said);
    const texts = new Set(heard.map((fields) => fields.slice(9).join(";")));
    assert.equal(texts.size, 1, said);
    assert.ok([...texts].join().includes(urlAt("10.77.0.1")), said);
  },
);
