import { multiaddr } from "@multiformats/multiaddr";
import assert from "node:assert/strict";
import {
  diallingOrder,
  hostOf,
  ipv4OfBoth,
  multiaddrText,
  reachableAddresses,
} from "../../../../lib/net/dht/internal/addresses.ts";
import type { InterfaceAddress } from "../../../../lib/net/interfaces.ts";

const OWN: InterfaceAddress[] = [
  { interfaceName: "lo", address: "127.0.0.1", prefixLength: 8 },
  { interfaceName: "eth0", address: "192.168.1.20", prefixLength: 24 },
  { interfaceName: "eth0", address: "2001:db8:1::20", prefixLength: 64 },
  { interfaceName: "docker0", address: "172.17.0.1", prefixLength: 16 },
];

function reachable(...hosts: string[]): string[] {
  return reachableAddresses(hosts.map((host) => at(host)), OWN)
    .map((address) => address.getComponents()[0]?.value ?? "");
}

function at(host: string): ReturnType<typeof multiaddr> {
  const protocol = host.includes(":") ? "ip6" : "ip4";
  return multiaddr(`/${protocol}/${host}/tcp/4001`);
}

Deno.test("reachableAddresses() leaves out what leads nobody here", () => {
  assert.deepEqual(
    reachable(
      "127.0.0.1",
      "192.168.1.20",
      "172.17.0.1",
      "169.254.1.1",
      "203.0.113.7", // mapped by a router
    ),
    ["192.168.1.20", "203.0.113.7"],
  );
});

Deno.test("reachableAddresses() keeps loopback when there is nothing else", () => {
  assert.deepEqual(reachable("127.0.0.1"), ["127.0.0.1"]);
  assert.deepEqual(reachable(), []);
});

Deno.test("reachableAddresses() knows nothing of other people's bridges", () => {
  assert.deepEqual(reachable("172.17.0.9"), ["172.17.0.9"]);
});

Deno.test("diallingOrder() begins with the LAN and ends with those of others", () => {
  const order = diallingOrder(() => OWN);
  const hosts = [
    "10.0.0.5",
    "1.2.3.4",
    "127.0.0.1",
    "192.168.1.9",
    "172.17.0.1",
    "2001:db8:1::9",
  ];
  const sorted = hosts.map((host) => ({
    multiaddr: at(host),
    isCertified: false,
  })).sort(order).map((a) => a.multiaddr.getComponents()[0]?.value);
  assert.deepEqual(sorted.slice(0, 2), ["192.168.1.9", "2001:db8:1::9"]);
  assert.equal(sorted[2], "1.2.3.4");
});

Deno.test("multiaddrText() gives the text of what can be dialled", () => {
  const bytes = (text: string) => multiaddr(text).bytes;
  const peer = "12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV";
  assert.equal(
    multiaddrText(bytes("/ip4/192.0.2.7/tcp/4001")),
    "/ip4/192.0.2.7/tcp/4001",
  );
  assert.equal(
    multiaddrText(bytes(`/ip4/192.0.2.7/tcp/4001/p2p/${peer}`)),
    "/ip4/192.0.2.7/tcp/4001",
  );
  for (
    const text of [
      "/ip4/192.0.2.7/udp/4001/quic-v1",
      "/ip4/192.0.2.7/tcp/4001/ws",
      `/ip4/192.0.2.7/tcp/4001/p2p/${peer}/p2p-circuit`,
      "/unix/tmp",
    ]
  ) assert.equal(multiaddrText(bytes(text)), undefined, text);
  assert.equal(multiaddrText(Uint8Array.of(1, 2, 3)), undefined);
});

Deno.test("hostOf() writes an IPv4 address as one, though a socket for both families saw it", () => {
  for (
    const [address, host] of [
      ["/ip4/10.0.0.2/tcp/1", "10.0.0.2"],
      ["/ip6/::ffff:10.0.0.2/tcp/1", "10.0.0.2"],
      ["/ip6/2001:db8::1/tcp/1", "2001:db8::1"],
      ["/dns4/a.example/tcp/1", "a.example"],
    ] as const
  ) assert.equal(hostOf(multiaddr(address)), host);
});

Deno.test("ipv4OfBoth() tells of IPv4 what a socket for both families takes", () => {
  const own = () => [
    { interfaceName: "eth0", address: "192.0.2.7", prefixLength: 24 },
    { interfaceName: "eth0", address: "2001:db8::7", prefixLength: 64 },
  ];
  const told = (listen: string[], port: string | undefined = "4001") =>
    ipv4OfBoth(listen, port, own).map(String);
  assert.deepEqual(told(["/ip6/::/tcp/0"]), ["/ip4/192.0.2.7/tcp/4001"]);
  assert.deepEqual(told(["/ip6/::/tcp/0", "/ip4/0.0.0.0/tcp/0"]), []);
  assert.deepEqual(told(["/ip6/::1/tcp/0"]), []);
  assert.deepEqual(told(["/ip4/0.0.0.0/tcp/0"]), []);
});

Deno.test("reachableAddresses() never tells of IPv4 as of IPv6", () => {
  const mapped = multiaddr("/ip6/::ffff:192.0.2.7/tcp/4001");
  const plain = multiaddr("/ip4/192.0.2.7/tcp/4001");
  const other = multiaddr("/ip6/2001:db8::7/tcp/4001");
  assert.deepEqual(
    reachableAddresses([mapped, other, plain], []).map(String),
    ["/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::7/tcp/4001"],
  );
});
