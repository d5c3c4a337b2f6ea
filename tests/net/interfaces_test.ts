import assert from "node:assert/strict";
import {
  asksForLoopback,
  type InterfaceAddress,
  interfacesTowards,
  isOnLink,
  type Link,
  linkKey,
  selectLinks,
  shareSubnet,
  systemAddresses,
  whyNoNetwork,
} from "../../lib/net/interfaces.ts";

function at(
  interfaceName: string,
  address: string,
  prefixLength = address.includes(":") ? 64 : 24,
): InterfaceAddress {
  return { interfaceName, address, prefixLength };
}

const LO = [at("lo", "127.0.0.1", 8), at("lo", "::1", 128)];
const MACHINE = [
  ...LO,
  at("eth0", "fe80::1"),
  at("eth0", "fd77::1"),
  at("eth0", "192.168.1.10"),
  at("eth0", "192.168.2.10"),
  at("wlan0", "10.0.0.1"),
  at("docker0", "172.17.0.1"),
  at("br-5f0c1d2e3a4b", "172.18.0.1"),
  at("veth12ab", "169.254.9.9"),
  at("virbr0", "192.168.122.1"),
];

function keys(wanted: readonly string[], all = MACHINE): string[] {
  return selectLinks(all, wanted).map(linkKey);
}

Deno.test("selectLinks() takes every interface but loopback and container bridges, IPv4 first", () => {
  assert.deepEqual(keys([]), ["eth0/4", "wlan0/4", "eth0/6"]);
});

Deno.test("selectLinks() takes a bridge that only begins as Docker's do", () => {
  for (const name of ["br-lan", "br-5f0c", "br-5f0c1d2e3a4b5"]) {
    assert.deepEqual(keys([], [...LO, at(name, "192.168.1.1")]), [`${name}/4`]);
  }
});

Deno.test("selectLinks() gathers the addresses of a link, without link-local IPv6", () => {
  const [eth0, , eth0v6] = selectLinks(MACHINE, []);
  assert.deepEqual(
    eth0?.addresses.map((a) => a.address),
    ["192.168.1.10", "192.168.2.10"],
  );
  assert.deepEqual(eth0v6?.addresses.map((a) => a.address), ["fd77::1"]);
});

Deno.test("selectLinks() takes a container bridge, or loopback, that is named", () => {
  assert.deepEqual(keys(["docker0", "lo"]), ["lo/4", "docker0/4"]);
});

Deno.test("selectLinks() takes only the address that is named", () => {
  const [link, ...rest] = selectLinks(MACHINE, ["192.168.2.10"]);
  assert.deepEqual(link?.addresses.map((a) => a.address), ["192.168.2.10"]);
  assert.deepEqual(rest, []);
  assert.deepEqual(keys(["FD77:0::1"]), ["eth0/6"]);
});

Deno.test("selectLinks() takes lo for loopback whatever it is called", () => {
  assert.deepEqual(keys(["lo"], [at("lo0", "127.0.0.1", 8)]), ["lo0/4"]);
});

Deno.test("selectLinks() falls back to loopback when there is nothing else", () => {
  assert.deepEqual(keys([], [...LO, at("docker0", "172.17.0.1")]), ["lo/4"]);
  assert.deepEqual(keys([], []), []);
  assert.deepEqual(keys(["eth9"]), []);
});

Deno.test("selectLinks() leaves out what has ! in front", () => {
  assert.deepEqual(keys(["!eth0"]), ["wlan0/4"]);
  assert.deepEqual(keys(["!wlan0", "!192.168.2.10"]), ["eth0/4", "eth0/6"]);
  assert.deepEqual(
    selectLinks(MACHINE, ["eth0", "!192.168.1.10"])[0]?.addresses
      .map((a) => a.address),
    ["192.168.2.10"],
  );
  assert.deepEqual(keys(["!eth0", "!wlan0"]), ["lo/4"], "nothing else is left");
  assert.deepEqual(keys(["!eth0", "!wlan0", "!lo"]), []);
});

Deno.test("asksForLoopback() knows loopback by name and by address", () => {
  const lo0 = [at("lo0", "127.0.0.1", 8), at("eth0", "10.0.0.1")];
  for (const wanted of [["lo"], ["127.0.0.1"], ["::1"], ["lo0", "!eth0"]]) {
    assert.ok(asksForLoopback(lo0, wanted), wanted.join());
  }
  for (const wanted of [[], ["!eth0"], ["lo", "eth0"], ["eth0"], ["eth9"]]) {
    assert.ok(!asksForLoopback(lo0, wanted), wanted.join());
  }
});

Deno.test("whyNoNetwork() says why loopback alone is left, and only where it is", () => {
  const why = (all: readonly InterfaceAddress[], ...wanted: string[]) =>
    whyNoNetwork(all, wanted);
  assert.equal(why(MACHINE), undefined);
  assert.equal(why(MACHINE, "docker0"), undefined);
  assert.equal(why(MACHINE, "lo"), undefined);
  assert.equal(why([]), "no network interface with an address");
  assert.equal(
    why([
      ...LO,
      at("lo", "fe80::9"),
      at("eth0", "fe80::1"),
      at("docker0", "172.17.0.1"),
    ]),
    "only loopback can be used (eth0 is up but has no address beyond fe80::1, docker0 leads to containers)",
  );
  assert.equal(
    why([...LO, at("eth0", "10.0.0.1")], "!eth0"),
    "only loopback can be used (eth0 is excluded)",
  );
  assert.equal(
    why(MACHINE, "eth8", "eth9"),
    'no interface "eth8", "eth9" with an address',
  );
  assert.equal(
    why([...LO, at("eth0", "fe80::1"), at("wlan0", "fe80::2")], "eth0"),
    'no interface "eth0" with an address (eth0 is up but has no address beyond fe80::1)',
  );
  assert.equal(
    why(MACHINE, "::1"),
    "loopback has no multicast of IPv6, name it lo",
  );
  assert.equal(
    why(MACHINE, "lo", "eth9"),
    'only loopback has an address of the interfaces "lo", "eth9"',
  );
});

Deno.test("isOnLink() goes by the subnets of the link", () => {
  const [eth0, , eth0v6] = selectLinks(MACHINE, []);
  assert.ok(eth0 && eth0v6);
  assert.ok(isOnLink("192.168.2.77", eth0));
  assert.ok(!isOnLink("192.168.3.77", eth0));
  assert.ok(!isOnLink("fd77::5", eth0));
  assert.ok(!isOnLink("nonsense", eth0));
  assert.ok(isOnLink("fd77::5", eth0v6));
  assert.ok(isOnLink("fe80::5%eth0", eth0v6));
  assert.ok(!isOnLink("2001:db8::1", eth0v6));
});

Deno.test("shareSubnet() takes the same addresses of the same width for one subnet", () => {
  const link = (...addresses: InterfaceAddress[]): Link => ({
    interfaceName: "e0",
    family: 4,
    addresses,
  });
  const [narrow, wide] = [at("e0", "10.0.0.1"), at("e0", "10.0.0.1", 8)];
  const [near, far] = [at("e0", "10.0.0.9"), at("e0", "10.1.0.9")];
  assert.ok(shareSubnet(link(narrow), link(far, near)));
  assert.ok(!shareSubnet(link(narrow), link(far)));
  assert.ok(!shareSubnet(link(wide), link(near)));
  assert.ok(!shareSubnet(link(narrow), link(at("e0", "fd77::1", 24))));
});

Deno.test("interfacesTowards() tells over which interfaces a host is reached", () => {
  const over = (address: string) => [...interfacesTowards(address, MACHINE)];
  assert.deepEqual(over("192.168.1.77"), ["eth0"]);
  assert.deepEqual(over("10.0.0.77"), ["wlan0"]);
  assert.deepEqual(over("172.17.0.5"), ["docker0"]);
  assert.deepEqual(over("fd77::2%eth0"), ["eth0"]);
  assert.deepEqual(over("172.31.0.1"), [], "unknown subnet");
  assert.deepEqual(over("nonsense"), []);
});

Deno.test("interfacesTowards() takes the narrowest subnet, all interfaces in it, and an own address for its own", () => {
  const machine = [
    at("e0", "10.0.0.1", 8),
    at("e1", "10.1.2.1"),
    at("e2", "10.1.2.2"),
    at("e1", "10.1.2.3"),
  ];
  const over = (address: string) => [...interfacesTowards(address, machine)];
  assert.deepEqual(over("10.9.9.9"), ["e0"]);
  assert.deepEqual(over("10.1.2.9"), ["e1", "e2"]);
  assert.deepEqual(over("10.1.2.2"), ["e2"]);
});

Deno.test("systemAddresses() knows this machine's loopback", () => {
  assert.deepEqual(
    systemAddresses().find((a) => a.address === "127.0.0.1")?.prefixLength,
    8,
  );
});
