/**
 * Nodes, advertisers and sources together, over TCP on 127.0.0.1; and the real
 * DHT and its twin in memory, held to one contract.
 */
import assert from "node:assert/strict";
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../lib/core/dht_protocol.ts";
import { UserError } from "../../../lib/core/errors.ts";
import { openDhtClient } from "../../../lib/net/dht/client.ts";
import {
  bootRecordKey,
  parseBootRecordKey,
} from "../../../lib/wire/boot_record.ts";
import { signedRecord } from "../../support/boot_records.ts";
import { testDhtContract } from "../../support/dht_contract.ts";
import {
  advertise,
  find,
  IMAGE,
  providerOf,
} from "../../support/dht_images.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../support/dht_nodes.ts";
import { MemoryDht, type PublicNode } from "../../support/memory_dht.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";

libp2pTest("what one node publishes is found through another", async () => {
  await using first = await openTestNode();
  const bootstrap = first.addresses();
  await using provider = await openTestNode({ bootstrap });
  await using third = await openTestNode({ bootstrap });
  await using advertiser = advertise(provider);
  const published = await advertiser.publish({ image: IMAGE, version: "7" }, {
    signal: unlimited,
  });
  assert.deepEqual(published, { ok: true, value: undefined });
  assert.equal(
    provider.joinStates().get(bootstrap[0] ?? "")?.kind,
    "connected",
  );

  const found = await find(third.addresses(), (f) => f.kind === "candidate");
  assert.deepEqual(found.at(-1), {
    kind: "candidate",
    candidate: {
      manifestUrl: new URL(
        `http://127.0.0.1:8080/stable/arm64/manifest.json?${provider.peerId}`,
      ),
      image: IMAGE,
      version: "7",
      source: "dht",
      peerId: provider.peerId,
    },
  });

  const other = { channel: "stable", arch: "x86_64" };
  const nothing = await find(bootstrap, (f) => f.kind === "other", {
    image: other,
  });
  assert.deepEqual(nothing.at(-1), { kind: "other", image: IMAGE });
});

libp2pTest(
  "who finds no image is told of those that nodes have, whatever their channel",
  async () => {
    await using first = await openTestNode();
    await using provider = await openTestNode({ bootstrap: first.addresses() });
    await using advertiser = advertise(provider);
    const image = { channel: "lab", arch: "riscv64" };
    await advertiser.publish({ image, version: "7" }, { signal: unlimited });
    // Through the node that keeps its record, and alone.
    for (const node of [first, provider]) {
      const found = await find(node.addresses(), (f) => f.kind === "other");
      assert.deepEqual(found.at(-1), { kind: "other", image });
    }
  },
);

libp2pTest("a provider alone is found by who asks it itself", async () => {
  await using provider = await openTestNode();
  await using advertiser = advertise(provider);
  const logger = new MemoryLogger();
  const started = clock.monotonic();
  const published = await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  assert.deepEqual(published, {
    ok: false,
    reason: "no DHT peer yet, name nodes to join through with --bootstrap",
  });
  assert.ok(clock.monotonic() - started < 1000, "refuses at once");
  assert.deepEqual(logger.lines, []);
  const found = await find(
    provider.addresses(),
    (f) => f.kind === "candidate",
  );
  assert.equal(providerOf(found.at(-1)), provider.peerId);
});

libp2pTest(
  "two providers of one image are both found, though the record has one slot",
  async () => {
    await using first = await openTestNode();
    const bootstrap = first.addresses();
    await using one = await openTestNode({ bootstrap });
    await using two = await openTestNode({ bootstrap });
    await using oneAdvertiser = advertise(one);
    await using twoAdvertiser = advertise(two);
    for (const advertiser of [oneAdvertiser, twoAdvertiser]) {
      const published = await advertiser.publish(
        { image: IMAGE, version: "1" },
        {
          signal: unlimited,
        },
      );
      assert.ok(published.ok);
    }
    const providers = new Set<string | undefined>();
    await find(bootstrap, (finding) => {
      if (finding.kind === "candidate") providers.add(providerOf(finding));
      return providers.size === 2;
    });
    assert.deepEqual(providers, new Set([one.peerId, two.peerId]));
  },
);

libp2pTest("dead and strange providers hide no good one", async () => {
  await using first = await openTestNode();
  const bootstrap = first.addresses();
  await using stack = new AsyncDisposableStack();
  const provide = async (stack: AsyncDisposableStack) => {
    const node = stack.use(await openTestNode({ bootstrap }));
    const advertiser = stack.use(advertise(node));
    await advertiser.publish({ image: IMAGE, version: "1" }, {
      signal: unlimited,
    });
    return node.peerId;
  };
  const good = [await provide(stack)];
  {
    await using dead = new AsyncDisposableStack();
    await provide(dead);
    await provide(dead);
  }
  // Whose record is signed by himself is a provider like any other, until his
  // manifest is looked at.
  const strange = await provide(stack);
  good.push(await provide(stack));

  const providers = new Set<string | undefined>();
  await find(bootstrap, (finding) => {
    providers.add(providerOf(finding));
    return [...good, strange].every((peerId) => providers.has(peerId));
  });
  assert.ok(good.every((peerId) => providers.has(peerId)));
});

libp2pTest(
  "a provider without peers publishes as soon as one comes",
  async () => {
    await using provider = await openTestNode();
    const logger = new MemoryLogger();
    await using advertiser = advertise(provider, { logger });
    await advertiser.publish({ image: IMAGE, version: "1" }, {
      signal: unlimited,
    });
    await using late = await openTestNode({ bootstrap: provider.addresses() });
    await eventually(
      () => advertiser.isPublished(IMAGE),
      "published at a peer",
    );
    assert.match(logger.lines.join("\n"), /^WARN [^\n]+\nINFO [^\n]+$/);
    await provider[Symbol.asyncDispose]();
    const found = await find(late.addresses(), (f) => f.kind === "candidate");
    assert.equal(providerOf(found.at(-1)), provider.peerId);
  },
);

libp2pTest(
  "a record is forgotten when its provider is gone for its TTL",
  async () => {
    await using first = await openTestNode({ recordTtlSeconds: 1 });
    const bootstrap = first.addresses();
    {
      await using provider = await openTestNode({ bootstrap });
      await using advertiser = advertise(provider, { ttlSeconds: 1 });
      const published = await advertiser.publish(
        { image: IMAGE, version: "1" },
        {
          signal: unlimited,
        },
      );
      assert.ok(published.ok);
    }
    await using client = await openDhtClient({
      protocol: DEFAULT_DHT_PROTOCOL,
      clock,
      signal: unlimited,
    });
    // Not only the readers of this project refuse it: the node does not even
    // answer with it, nor names its provider.
    const isKept = async (find: "findValues" | "findProviders") => {
      const key = bootRecordKey(IMAGE);
      const steps = client[find](key, bootstrap, { signal: unlimited });
      for await (const step of steps) {
        if (step.kind === "failure") continue;
        if (step.answer.value || step.answer.providers.length > 0) return true;
      }
      return false;
    };
    await eventually(
      async () => !await isKept("findValues") && !await isKept("findProviders"),
      "forgotten",
    );
  },
);

libp2pTest("a node that cannot listen says so", async () => {
  await using first = await openTestNode();
  const listen = first.addresses().map((a) => a.replace(/\/p2p\/.*/, ""));
  await assert.rejects(
    openTestNode({ listen }),
    (error: unknown) =>
      error instanceof UserError &&
      error.message ===
        `Cannot listen for DHT peers on ${listen[0]}: the port is in use`,
  );
});

libp2pTest(
  "nodes that cannot be reached are told with their reasons",
  async () => {
    const refused = "/ip4/127.0.0.1/tcp/1";
    const found = await find([refused], (f) => f.kind === "problem");
    assert.deepEqual(found, [{
      kind: "problem",
      message: `DHT node ${refused} cannot be asked: connection refused`,
    }]);
    await using provider = await openTestNode({ bootstrap: [refused] });
    await eventually(
      () => provider.joinStates().get(refused)?.kind === "failed",
      "the refusal is noticed",
    );
    await using advertiser = advertise(provider);
    assert.deepEqual(
      await advertiser.publish({ image: IMAGE, version: "1" }, {
        signal: unlimited,
      }),
      {
        ok: false,
        reason:
          `no DHT peer yet: ${refused}: connection refused, name nodes to join through with --bootstrap`,
      },
    );
  },
);

libp2pTest(
  "a node knows both ends of its connections with other nodes, and tells of no client",
  async () => {
    await using dialled = await openTestNode({
      listen: ["/ip4/127.0.0.2/tcp/0"],
    });
    const [address = ""] = dialled.addresses();
    await using client = await openDhtClient({
      protocol: DEFAULT_DHT_PROTOCOL,
      clock,
      signal: unlimited,
    });
    const steps = client.findValues("/phase/stable/arm64/manifest", [address], {
      signal: unlimited,
    });
    let answers = 0;
    for await (const step of steps) if (step.kind === "answer") answers++;
    assert.equal(answers, 1);
    {
      await using dialling = await openTestNode();
      assert.deepEqual(dialling.connections(), []);
      assert.ok((await dialling.join(address, { signal: unlimited })).ok);
      await eventually(
        () =>
          dialling.connections().length > 0 && dialled.connections().length > 0,
        "both know that the other is a node",
      );
      assert.deepEqual(dialling.connections(), [
        { localAddress: "127.0.0.1", remoteAddress: "127.0.0.2" },
      ]);
      assert.deepEqual(dialled.connections(), [
        { localAddress: "127.0.0.2", remoteAddress: "127.0.0.1" },
      ]);
    }
    await eventually(
      () => dialled.connections().length === 0,
      "it is seen to leave",
    );
  },
);

async function makeValue(node: PublicNode, key: string): Promise<Uint8Array> {
  const image = parseBootRecordKey(key);
  if (!image.ok) throw new Error(image.reason);
  return await signedRecord(image.value, node, { ttlSeconds: 60 });
}

testDhtContract("the real DHT", {
  test: libp2pTest,
  open: () => ({
    openNode: () => openTestNode(),
    openClient: () =>
      openDhtClient({
        protocol: DEFAULT_DHT_PROTOCOL,
        clock,
        signal: unlimited,
      }),
  }),
  makeValue,
});

testDhtContract("the DHT in memory", {
  // Without sanitizers: what the tests before have left may end meanwhile.
  test: libp2pTest,
  open: () => new MemoryDht(),
  makeValue,
});

libp2pTest(
  "a node is found over a path with 0.6 s each way, or on a machine that is as slow",
  async () => {
    await using provider = await openTestNode();
    await using advertiser = advertise(provider);
    await advertiser.publish({ image: IMAGE, version: "1" }, {
      signal: unlimited,
    });
    const [address = ""] = provider.addresses();
    using far = delayed(Number(/\/tcp\/(\d+)/.exec(address)?.[1]), 600);
    const found = await find(
      [`/ip4/127.0.0.1/tcp/${far.addr.port}/p2p/${provider.peerId}`],
      (f) => f.kind === "candidate",
      { timeoutMs: 25_000 },
    );
    assert.equal(providerOf(found.at(-1)), provider.peerId);
  },
);

/** Passes on what it is sent to a port, after a while, and back. */
function delayed(port: number, delayMs: number): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pass = async (from: Deno.TcpConn, to: Deno.TcpConn) => {
    const writing = to.writable.getWriter();
    for await (const bytes of from.readable) {
      clock.setTimer(() => writing.write(bytes).catch(() => {}), delayMs);
    }
    clock.setTimer(() => writing.close().catch(() => {}), delayMs);
  };
  const accept = async () => {
    for await (const from of listener) {
      const to = await Deno.connect({ hostname: "127.0.0.1", port });
      for (const [a, b] of [[from, to], [to, from]] as const) {
        pass(a, b).catch(() => {}); // the other side has gone
      }
    }
  };
  accept().catch(() => {});
  return listener;
}
