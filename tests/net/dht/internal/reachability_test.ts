import assert from "node:assert/strict";
import { multiaddr } from "@multiformats/multiaddr";
import {
  judge,
  onePerHost,
  ownAddresses,
} from "../../../../lib/net/dht/internal/reachability.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
} from "../../../support/dht_nodes.ts";

Deno.test("one node that was here is proof, most of several that were not count", () => {
  for (
    const [said, judgement] of [
      [[], undefined],
      [[undefined], undefined],
      [[true], true],
      [[false], false],
      [[false, true, false], true],
      [[false, undefined, undefined], undefined],
      [[false, undefined], undefined],
      [[false, false, undefined], false],
    ] as const
  ) assert.equal(judge(said), judgement, `${said}`);
});

Deno.test("a node is asked to be dialled where it listens, and where it is seen", () => {
  const own = [
    multiaddr(
      "/ip4/10.0.0.2/tcp/4001/p2p/12D3KooWBmwkafWE2fqfzS96VoTZgpGp6aJsF4N6eAR5AHXCXAZD",
    ),
  ];
  const shown = (observed?: string) =>
    ownAddresses(
      own,
      observed === undefined ? undefined : multiaddr(observed),
      "4001",
    ).map(String);
  assert.deepEqual(shown(), ["/ip4/10.0.0.2/tcp/4001"]);
  assert.deepEqual(shown("/ip4/10.0.0.2/tcp/39000"), [
    "/ip4/10.0.0.2/tcp/4001",
  ]);
  assert.deepEqual(shown("/ip4/203.0.113.5/tcp/39000"), [
    "/ip4/10.0.0.2/tcp/4001",
    "/ip4/203.0.113.5/tcp/4001",
  ]);
  assert.deepEqual(shown("/ip6/::ffff:10.0.0.2/tcp/39000"), [
    "/ip4/10.0.0.2/tcp/4001",
  ]);
  const seen = multiaddr("/ip4/203.0.113.5/tcp/39000");
  assert.deepEqual(ownAddresses([], seen, undefined), []);
  assert.deepEqual(ownAddresses([], seen, "4001").map(String), [
    "/ip4/203.0.113.5/tcp/4001",
  ]);
});

Deno.test("a host with many nodes, or addresses, is asked once", () => {
  const at = (host: string) => ({
    remoteAddr: multiaddr(
      `/${host.includes(":") ? "ip6" : "ip4"}/${host}/tcp/4001`,
    ),
  });
  const hosts = onePerHost([
    ...["203.0.113.1", "203.0.113.2", "203.0.113.1", "::ffff:203.0.113.1"],
    ...["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"],
  ].map(at));
  assert.equal(hosts.length, 4);
});

libp2pTest("nodes tell each other that they can be reached", async () => {
  const told: boolean[] = [];
  await using other = await openTestNode();
  await using node = await openTestNode({
    bootstrap: other.addresses(),
    onReachability: (isReachable) => told.push(isReachable),
  });
  assert.equal(node.isReachable(), undefined);
  await eventually(() => node.isReachable() === true, "it is reached");
  assert.deepEqual(told, [true]);
});
