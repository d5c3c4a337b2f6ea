/** How nodes come together, over TCP on 127.0.0.1. */
import assert from "node:assert/strict";
import { sleep, systemClock as clock } from "../../../../lib/core/clock.ts";
import { createDhtSource } from "../../../../lib/discover/dht_source.ts";
import type { Finding } from "../../../../lib/discover/source.ts";
import { openDhtClient } from "../../../../lib/net/dht/client.ts";
import { createIdentity } from "../../../../lib/net/dht/identity.ts";
import { keepJoined } from "../../../../lib/net/dht/internal/join.ts";
import { openStranger } from "../../../../lib/net/dht/internal/stranger.ts";
import {
  advertise,
  find,
  IMAGE,
  providerOf,
} from "../../../support/dht_images.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../../support/dht_nodes.ts";
import { MemoryFileSystem } from "../../../support/memory_file_system.ts";
import { MemoryLogger } from "../../../support/memory_logger.ts";

libp2pTest(
  "a node joins again when its bootstrap node was restarted",
  async () => {
    const identity = await createIdentity();
    const before = await openTestNode({ identity });
    const bootstrap = before.addresses();
    const listen = bootstrap.map((a) => a.replace(/\/p2p\/.*/, ""));
    await using provider = await openTestNode({ bootstrap });
    await using advertiser = advertise(provider);
    const published = await advertiser.publish({ image: IMAGE, version: "1" }, {
      signal: unlimited,
    });
    assert.ok(published.ok);
    await before[Symbol.asyncDispose]();
    await using _after = await openTestNode({ identity, listen });
    await find(bootstrap, (f) => f.kind === "candidate", { timeoutMs: 20_000 })
      .then((found) => assert.equal(providerOf(found.at(-1)), provider.peerId));
  },
);

libp2pTest("a restarted provider is the same peer and soon back", async () => {
  await using first = await openTestNode();
  const bootstrap = first.addresses();
  const identity = await createIdentity();
  for (const version of ["1", "2"]) {
    await using provider = await openTestNode({ identity, bootstrap });
    await using advertiser = advertise(provider);
    await advertiser.publish({ image: IMAGE, version }, { signal: unlimited });
    const isBack = (found: Finding) =>
      found.kind === "candidate" && found.candidate.version === version;
    const found = await find(bootstrap, isBack);
    assert.equal(providerOf(found.at(-1)), identity.peerId);
  }
});

libp2pTest("a restarted node knows its peers and records again", async () => {
  const stateFile = {
    fileSystem: new MemoryFileSystem().directory("/state"),
    path: "/state/dht.json",
    logger: new MemoryLogger(),
  };
  const identity = await createIdentity();
  const before = await openTestNode({ identity, stateFile });
  const listen = before.addresses().map((a) => a.replace(/\/p2p\/.*/, ""));
  await using third = await openTestNode();
  {
    await using provider = await openTestNode({
      bootstrap: [...before.addresses(), ...third.addresses()],
    });
    await using advertiser = advertise(provider);
    const published = await advertiser.publish({ image: IMAGE, version: "1" }, {
      signal: unlimited,
    });
    assert.ok(published.ok);
    await eventually(() => before.peerCount() === 2, "it knows the third node");
  }
  await before[Symbol.asyncDispose]();

  await using after = await openTestNode({ identity, stateFile, listen });
  const found = await find(after.addresses(), (f) => f.kind === "candidate");
  assert.equal(found.at(-1)?.kind, "candidate");
  await eventually(() => after.peerCount() === 1, "it dialled the third node");
  assert.deepEqual(stateFile.logger.lines, []);
});

libp2pTest("a /dnsaddr/ stands for several nodes", async () => {
  await using first = await openTestNode();
  const texts = [
    "dnsaddr=/ip4/127.0.0.1/tcp/1",
    ...first.addresses().map((address) => `dnsaddr=${address}`),
  ];
  const resolveTxt = (name: string) =>
    name === "_dnsaddr.boot.example.org"
      ? Promise.resolve(texts)
      : Promise.reject(new Error("no record found"));
  const bootstrap = ["/dnsaddr/boot.example.org"];
  await using provider = await openTestNode({ bootstrap, resolveTxt });
  await using advertiser = advertise(provider);
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  await eventually(() => advertiser.isPublished(IMAGE), "published");

  const openClient: typeof openDhtClient = (options) =>
    openDhtClient({ ...options, resolveTxt });
  const found = await find(bootstrap, (f) => f.kind === "candidate", {
    openClient,
  });
  assert.equal(providerOf(found.at(-1)), provider.peerId);

  const unknown = ["/dnsaddr/nowhere.example.org"];
  const problems = await find(unknown, (f) => f.kind === "problem", {
    openClient,
  });
  assert.deepEqual(problems, [{
    kind: "problem",
    message:
      "DHT node /dnsaddr/nowhere.example.org cannot be asked: its name does not resolve (no record found)",
  }]);
});

libp2pTest("forty clients behind one address are served at once", async () => {
  await using provider = await openTestNode();
  await using advertiser = advertise(provider);
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  const startedMs = clock.monotonic();
  const found = await Promise.all(
    Array.from(
      { length: 40 },
      () =>
        find(
          provider.addresses(),
          // Forty nodes in one busy process: one that was too slow asks again.
          (finding) => finding.kind === "candidate",
        ),
    ),
  );
  assert.deepEqual(
    found.map((findings) => providerOf(findings.at(-1))),
    Array(40).fill(provider.peerId),
  );
  const elapsedMs = clock.monotonic() - startedMs;
  assert.ok(elapsedMs < 30_000, `${elapsedMs} ms`);
});

libp2pTest("a LAN forms a DHT without any bootstrap node", async () => {
  await using first = await openTestNode();
  // What a mDNS responder puts into its TXT as p2p is what it listens on.
  const announced = first.addresses()[0] ?? "";
  await using provider = await openTestNode();
  await using advertiser = advertise(provider);
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  assert.deepEqual(await provider.join(announced, { signal: unlimited }), {
    ok: true,
    value: undefined,
  });
  await eventually(() => advertiser.isPublished(IMAGE), "published there");
  const source = createDhtSource({
    bootstrap: [],
    clock,
    isClockTrusted: true,
  });
  clock.setTimer(() => source.addPeer(announced), 100);
  for await (const finding of source.find(IMAGE, { signal: unlimited })) {
    assert.equal(providerOf(finding), provider.peerId);
    break;
  }
});

libp2pTest("join() says why an address leads nowhere", async () => {
  await using node = await openTestNode();
  const refusals: [string, RegExp][] = [
    ["garbage", /^not a multiaddr/],
    ["/ip4/127.0.0.1/tcp/1", /^connection refused$/],
    [`/ip4/127.0.0.1/tcp/1/p2p/${"1".repeat(50)}`, /./],
    [node.addresses()[0] ?? "", /self/],
  ];
  for (const [address, reason] of refusals) {
    const joined = await node.join(address, { signal: unlimited });
    assert.equal(joined.ok, false, address);
    if (!joined.ok) assert.match(joined.reason, reason);
  }
});

libp2pTest("a node tells others of the address a router maps", async () => {
  const mapped: string[] = [];
  await using node = await openTestNode({
    alsoAnnounce: (port) => mapped.map((a) => `/ip4/${a}/tcp/${port}`),
  });
  const port = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)\//
    .exec(node.addresses().join(" "))?.[1];
  assert.ok(port);
  mapped.push("203.0.113.7");
  assert.deepEqual(node.addresses(), [
    `/ip4/203.0.113.7/tcp/${port}/p2p/${node.peerId}`,
  ]);
});

libp2pTest(
  "a bootstrap node that has closed the connection is dialled again once it is missed",
  async () => {
    const other = await openTestNode();
    const stranger = await openStranger({ loopbackOnly: true });
    const ending = new AbortController();
    const states: string[] = [];
    let isNeeded = false;
    const joining = keepJoined({
      node: stranger,
      addresses: other.addresses().slice(0, 1),
      onState: (_address, { kind }) => states.push(kind),
      isNeeded: () => isNeeded,
      resolveTxt: undefined,
      clock,
      signal: ending.signal,
    });
    await eventually(() => states.includes("connected"), "it has joined");
    await other[Symbol.asyncDispose]();
    await sleep(clock, 2500, { signal: unlimited }); // it has looked once more
    assert.deepEqual(states, ["dialling", "connected"]);
    isNeeded = true;
    await eventually(() => states.includes("failed"), "it is missed");
    ending.abort();
    await joining;
    await stranger.stop();
  },
);
