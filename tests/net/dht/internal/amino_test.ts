import { multiaddr } from "@multiformats/multiaddr";
import assert from "node:assert/strict";
import { publicAddresses } from "../../../../lib/net/dht/internal/amino.ts";

Deno.test("publicAddresses() leaves out what leads nowhere on the internet", () => {
  const all = [
    "/ip4/10.0.0.2/tcp/4001",
    "/ip4/1.2.3.4/tcp/4001",
    "/ip4/100.64.0.1/tcp/4001",
    "/ip4/127.0.0.1/tcp/4001",
    "/ip6/2001:db8::7/tcp/4001",
    "/ip6/fe80::1/tcp/4001",
    "/ip6/fd00::1/tcp/4001",
    "/dns4/boot.example.org/tcp/4001",
    "/dns4/rack.local/tcp/4001",
  ].map((one) => multiaddr(one));
  assert.deepEqual(publicAddresses(all).map(String), [
    "/ip4/1.2.3.4/tcp/4001",
    "/ip6/2001:db8::7/tcp/4001",
    "/dns4/boot.example.org/tcp/4001",
  ]);
});
