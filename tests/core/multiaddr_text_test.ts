import assert from "node:assert/strict";
import {
  checkMultiaddr,
  isLoopbackMultiaddr,
} from "../../lib/core/multiaddr_text.ts";

const PEER = "12D3KooWMZURyhjSEkim84M4tWPZTiHyfQwuQtgyGPxg6nuxBn9Q";

Deno.test("checkMultiaddr() accepts what a node can be reached at", () => {
  for (
    const text of [
      "/ip4/192.0.2.7/tcp/4001",
      `/ip4/192.0.2.7/tcp/4001/p2p/${PEER}`,
      `/ip6/2001:db8::7/tcp/4001/p2p/${PEER}`,
      "/ip6/::1/tcp/4001",
      `/dns4/boot.example.org/tcp/443/p2p/${PEER}`,
      "/dns/localhost/tcp/4001",
      "/dnsaddr/bootstrap.libp2p.io",
      "/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
    ]
  ) assert.deepEqual(checkMultiaddr(text), { ok: true, value: text });
});

Deno.test("checkMultiaddr() names the part that is wrong", () => {
  const cases: [string, RegExp][] = [
    ["", /^not a multiaddr/],
    ["garbage", /^not a multiaddr/],
    ["192.0.2.7:4001", /^not a multiaddr/],
    ["/", /^not a multiaddr/],
    ["/ip4", /\/ip4\/ lacks a valid host/],
    ["/ip4/192.0.2.256/tcp/4001", /\/ip4\/ lacks a valid host/],
    ["/ip4/192.0.2/tcp/4001", /\/ip4\/ lacks a valid host/],
    ["/ip6/192.0.2.7/tcp/4001", /\/ip6\/ lacks a valid host/],
    ["/ip6/::1%25lo/tcp/4001", /\/ip6\/ lacks a valid host/],
    ["/dns4/-bad-/tcp/4001", /\/dns4\/ lacks a valid host/],
    ["/dnsaddr/", /\/dnsaddr\/ lacks a host name/],
    ["/ip4/192.0.2.7", /no \/tcp\/ after the host/],
    ["/ip4/192.0.2.7/udp/4001/quic-v1", /no \/tcp\/ after the host/],
    ["/ip4/192.0.2.7/tcp/", /no port/],
    ["/ip4/192.0.2.7/tcp/70000", /no port/],
    ["/ip4/192.0.2.7/tcp/4001/", /the end is not \/p2p\//],
    ["/ip4/192.0.2.7/tcp/4001/p2p/x", /the end is not \/p2p\//],
    [
      `/ip4/192.0.2.7/tcp/4001/p2p/${PEER}/p2p-circuit`,
      /the end is not \/p2p\//,
    ],
    ["/unix/tmp/socket", /not an ip4, ip6 or dns multiaddr/],
    [`/dns/${"a".repeat(600)}/tcp/1`, /too long/],
  ];
  for (const [text, reason] of cases) {
    const result = checkMultiaddr(text);
    assert.equal(result.ok, false, text);
    if (!result.ok) assert.match(result.reason, reason, text);
  }
});

Deno.test("isLoopbackMultiaddr() takes what leads to this machine without the DNS", () => {
  for (
    const text of [
      `/ip4/127.0.0.1/tcp/4001/p2p/${PEER}`,
      "/ip6/::1/tcp/4001",
      "/dns4/localhost/tcp/4001",
    ]
  ) assert.ok(isLoopbackMultiaddr(text), text);
  for (
    const text of [
      "/ip4/10.0.0.1/tcp/4001",
      "/ip6/fd00::1/tcp/4001",
      "/dns/localhost.example.org/tcp/4001",
      "/dnsaddr/bootstrap.libp2p.io",
      "/dns4/127.0.0.1.example.org/tcp/1",
      "",
    ]
  ) assert.ok(!isLoopbackMultiaddr(text), text);
});
