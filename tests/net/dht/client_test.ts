/**
 * Nodes that do harm. Each is put between a client and an honest node, and the
 * client has to find the honest node's record all the same, soon.
 */
import type { Stream } from "@libp2p/interface";
import assert from "node:assert/strict";
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../lib/core/dht_protocol.ts";
import type { Finding } from "../../../lib/discover/source.ts";
import { byGroupsInTurns, openDhtClient } from "../../../lib/net/dht/client.ts";
import {
  createIdentity,
  type Identity,
} from "../../../lib/net/dht/identity.ts";
import { bootRecordKey } from "../../../lib/wire/boot_record.ts";
import { signedRecord } from "../../support/boot_records.ts";
import {
  advertise,
  find,
  IMAGE,
  providerOf,
} from "../../support/dht_images.ts";
import {
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../support/dht_nodes.ts";
import { encodeAnswer } from "../../support/kad_answers.ts";
import { openCraftedPeer } from "../../support/kad_peers.ts";

const KEY = bootRecordKey(IMAGE);
const attacker = await createIdentity();

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function record(
  identity: Identity,
  overrides: { lastUpdatedMs?: number; peerId?: string; arch?: string } = {},
): Promise<Uint8Array> {
  const { arch = IMAGE.arch, ...fields } = overrides;
  const image = { ...IMAGE, arch };
  return signedRecord(image, identity, { version: "9999", ...fields });
}

/**
 * Lets a client join through a hostile node that may name an honest provider,
 * and checks that the honest one, and only he, is found.
 */
async function checkFound(
  answer: (
    honest: string,
    stream: Stream,
  ) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
  { isAlsoBootstrap = false } = {},
): Promise<void> {
  await using honest = await openTestNode();
  await using advertiser = advertise(honest);
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  const honestAddress = honest.addresses()[0] ?? "";
  await using hostile = await openCraftedPeer((_request, stream) =>
    answer(honestAddress, stream)
  );
  const startedMs = clock.monotonic();
  const bootstrap = isAlsoBootstrap
    ? [hostile.address, honestAddress]
    : [hostile.address];
  const found: Finding[] = await find(
    bootstrap,
    (f) => f.kind === "candidate",
  );
  assert.equal(providerOf(found.at(-1)), honest.peerId);
  assert.ok(hostile.requestCount() > 0, "the hostile node was asked");
  const elapsedMs = clock.monotonic() - startedMs;
  assert.ok(elapsedMs < 5000, `${elapsedMs} ms`);
}

libp2pTest(
  "a node without identify and ping, like a Rust one, is asked too",
  async () => {
    await checkFound((honest) => encodeAnswer({ closer: [honest] }));
  },
);

const forgeries: [string, () => Uint8Array | Promise<Uint8Array>][] = [
  ["garbage", () => text("garbage")],
  ["a huge value", () => new Uint8Array(1_000_000)],
  ["an expired record", () => record(attacker, { lastUpdatedMs: 0 })],
  [
    "a record of the future",
    () => record(attacker, { lastUpdatedMs: clock.now() + 400_000 }),
  ],
  ["another image's record", () => record(attacker, { arch: "x86_64" })],
  [
    "a record in another's name",
    async () => record(attacker, { peerId: (await createIdentity()).peerId }),
  ],
];
for (const [what, forge] of forgeries) {
  libp2pTest(`${what} is not believed, and hides nobody`, async () => {
    await checkFound(async (honest) =>
      encodeAnswer({ key: KEY, value: await forge(), closer: [honest] })
    );
  });
}

libp2pTest("a node that stays silent costs nothing", async () => {
  await checkFound(() => undefined, { isAlsoBootstrap: true });
});

libp2pTest("a node that sends no Kademlia message costs nothing", async () => {
  await checkFound(() => crypto.getRandomValues(new Uint8Array(1000)), {
    isAlsoBootstrap: true,
  });
});

libp2pTest("a node that resets each stream costs nothing", async () => {
  await checkFound((_honest, stream) => {
    stream.abort(new Error("hostile"));
    return undefined;
  }, { isAlsoBootstrap: true });
});

libp2pTest(
  "a node that announces more than anybody sends costs nothing",
  async () => {
    await checkFound((_honest, stream) => {
      // The length prefix alone: 4 GiB to come.
      stream.send(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10));
      return undefined;
    }, { isAlsoBootstrap: true });
  },
);

libp2pTest("invented nodes do not hide the one that exists", async () => {
  const invented = await Promise.all(
    Array.from(
      { length: 100 },
      async (_, i) =>
        `/ip4/127.0.0.1/tcp/${i + 1}/p2p/${(await createIdentity()).peerId}`,
    ),
  );
  await checkFound((honest) =>
    encodeAnswer({ closer: [...invented, honest, ...invented] })
  );
});

libp2pTest("invented providers do not hide the one that exists", async () => {
  const invented = await Promise.all(
    Array.from(
      { length: 60 },
      async (_, i) =>
        `/ip4/127.0.0.1/tcp/${i + 1}/p2p/${(await createIdentity()).peerId}`,
    ),
  );
  await checkFound((honest) =>
    encodeAnswer({ providers: [...invented, honest] })
  );
});

libp2pTest("silent providers do not hold up the one that answers", async () => {
  // It accepts connections, as the operating system does, and that is all.
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `/ip4/127.0.0.1/tcp/${silent.addr.port}`;
  const providers = await Promise.all(
    Array.from(
      { length: 40 },
      async () => `${address}/p2p/${(await createIdentity()).peerId}`,
    ),
  );
  await checkFound((honest) =>
    encodeAnswer({ providers: [...providers, honest] })
  );
});

libp2pTest(
  "a name that the DNS never resolves keeps no other node waiting",
  async () => {
    await using honest = await openTestNode();
    await using client = await openDhtClient({
      protocol: DEFAULT_DHT_PROTOCOL,
      clock,
      resolveTxt: (_, { signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason))
        ),
      signal: unlimited,
    });
    const seeds = ["/dnsaddr/silent.example", ...honest.addresses()];
    const kinds: string[] = [];
    const beganMs = clock.monotonic();
    let firstMs = Infinity;
    for await (
      const step of client.findValues(KEY, seeds, { signal: unlimited })
    ) {
      firstMs = Math.min(firstMs, clock.monotonic() - beganMs);
      kinds.push(step.kind === "failure" ? step.at : step.answer.from.id);
    }
    assert.deepEqual(kinds, [honest.peerId, "/dnsaddr/silent.example"]);
    // The DNS has three seconds.
    assert.ok(firstMs < 2500, `the first answer after ${firstMs} ms`);
  },
);

Deno.test("of the nodes to begin with one of each group is asked before the second of any", () => {
  const [a, b, c] = ["203.0.113.1", "203.0.114.1", "198.51.100.1"]
    .map((host) => (port: number) => `/ip4/${host}/tcp/${port}`);
  assert.ok(a && b && c);
  // The first two are in one /16.
  assert.deepEqual(
    byGroupsInTurns([a(1), a(2), b(1), c(1), "/dns4/x/tcp/1", c(2)]),
    [a(1), c(1), "/dns4/x/tcp/1", a(2), c(2), b(1)],
  );
  assert.deepEqual(byGroupsInTurns([]), []);
});
