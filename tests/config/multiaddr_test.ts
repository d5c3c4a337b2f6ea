import assert from "node:assert/strict";
import { parseMultiaddr } from "../../lib/config/multiaddr.ts";

const PEER = "12D3KooWGRUxZ5jZ2uGi5n1cDkQf7EJ1FkXb7mYq2wCkVvH4r9sT";

for (
  const text of [
    `/ip4/192.0.2.1/tcp/4001/p2p/${PEER}`,
    "/ip4/127.0.0.1/tcp/1",
    `/ip6/2001:db8::1/tcp/65535/p2p/${PEER}`,
    `/dns/boot.example.org/tcp/4001/p2p/${PEER}`,
    "/dns4/localhost/tcp/4001",
    "/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
    "/dnsaddr/bootstrap.libp2p.io",
  ]
) {
  Deno.test(`parseMultiaddr() takes ${text}`, () => {
    assert.deepEqual(parseMultiaddr(text), { ok: true, value: text });
  });
}

for (
  const [text, reason] of [
    ["", "not a multiaddr"],
    ["garbage", "not a multiaddr"],
    ["192.0.2.1:4001", "not a multiaddr"],
    ["/ip4", "not a multiaddr"],
    ["/ip4/256.0.0.1/tcp/1", "does not begin with a host"],
    ["/ip4/1.2.3/tcp/1", "does not begin with a host"],
    ["/ip6/1.2.3.4/tcp/1", "does not begin with a host"],
    ["/ip6/:::/tcp/1", "does not begin with a host"],
    ["/dns4/a b/tcp/1", "does not begin with a host"],
    ["/unix/tmp/socket", "does not begin with a host"],
    ["/ip4/192.0.2.1", "only TCP"],
    ["/ip4/192.0.2.1/tcp", "only TCP"],
    ["/ip4/192.0.2.1/tcp/4001/", "only TCP"],
    ["/ip4/192.0.2.1/tcp/4001/ws", "only TCP"],
    ["/ip4/192.0.2.1/udp/4001/quic-v1", "only TCP"],
    ["/ip4/192.0.2.1/tcp/0", "port"],
    ["/ip4/192.0.2.1/tcp/65536", "port"],
    ["/ip4/192.0.2.1/tcp/x", "port"],
    ["/ip4/192.0.2.1/tcp/4001/p2p/", "peer id"],
    ["/ip4/192.0.2.1/tcp/4001/p2p/me", "peer id"],
    [`/ip4/192.0.2.1/tcp/4001/p2p/${PEER}/p2p-circuit`, "only TCP"],
  ] as const
) {
  Deno.test(`parseMultiaddr() refuses "${text}"`, () => {
    const result = parseMultiaddr(text);
    assert(
      !result.ok && result.reason.includes(reason),
      JSON.stringify(result),
    );
  });
}
