import assert from "node:assert/strict";
import {
  type ChannelArch,
  formatChannelArch,
} from "../../lib/core/channel_arch.ts";
import { ok, refuse } from "../../lib/core/result.ts";
import { lookForOthers } from "../../lib/discover/other_images.ts";
import type { KadPeer } from "../../lib/net/dht/lookup.ts";
import { ALL_BOOT_RECORDS, bootRecordKey } from "../../lib/wire/boot_record.ts";
import { FakeClock } from "../support/fake_clock.ts";
import {
  FakeDht,
  findFor,
  IMAGE,
  network,
  record,
} from "../support/fake_dht.ts";
import { createIdentity } from "../../lib/net/dht/identity.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function peer(id: string): KadPeer {
  return { id, multihash: bytes(id), addresses: [] };
}

/**
 * What is reported of a network.
 *
 * @param lists what nodes say to have, by peer id; "own ..." keeps it itself
 * @param kept what look-ups find
 */
async function others(
  lists: Readonly<Record<string, readonly ChannelArch[]>>,
  kept: readonly ChannelArch[],
): Promise<string[]> {
  const dht = new FakeDht();
  dht.reachable.add("seed");
  for (const [id, images] of Object.entries(lists)) {
    const list = dht.providers.get(ALL_BOOT_RECORDS) ?? new Map();
    const keys = images.map(bootRecordKey).join("\n");
    dht.providers.set(ALL_BOOT_RECORDS, list.set(id, bytes(keys)));
    if (!id.startsWith("own")) continue;
    for (const image of images) {
      const key = bootRecordKey(image);
      dht.providers.set(key, new Map([[id, bytes("good")]]));
    }
  }
  for (const image of kept) {
    dht.values.set(bootRecordKey(image), [bytes("good")]);
  }
  const found: string[] = [];
  await lookForOthers({
    client: await dht.openClient({
      ...{ protocol: "", clock: new FakeClock() },
      signal: new AbortController().signal,
    }),
    image: IMAGE,
    seeds: ["seed"],
    nodes: Object.keys(lists).map(peer),
    parse: (_key, value) =>
      Promise.resolve(
        new TextDecoder().decode(value) === "good"
          ? ok({
            ...{ url: "http://h/", peerId: "p", lastUpdatedMs: 0 },
            ...{ version: "1", ttlSeconds: 1 },
          })
          : refuse("no record"),
      ),
    report: (image) => found.push(formatChannelArch(image)),
    signal: new AbortController().signal,
  });
  return found.toSorted();
}

const LAB = { channel: "lab", arch: "riscv64" };
const USUAL = { channel: "testing", arch: "x86_64" };

Deno.test("lookForOthers() names what providers by default offer, and what nodes say to have", async () => {
  assert.deepEqual(await others({}, []), []);
  assert.deepEqual(await others({}, [USUAL, LAB]), ["testing/x86_64"]);
  assert.deepEqual(await others({ a: [LAB], b: [] }, [LAB]), ["lab/riscv64"]);
});

Deno.test("lookForOthers() takes the word of a provider that nobody else keeps a record of", async () => {
  assert.deepEqual(
    await others({ "own a": [LAB, USUAL] }, []),
    ["lab/riscv64", "testing/x86_64"],
  );
});

Deno.test("lookForOthers() names nothing that nobody has signed, nor the image itself", async () => {
  assert.deepEqual(await others({ a: [LAB, IMAGE] }, [IMAGE]), []);
});

Deno.test("lookForOthers() lets no node that names hundreds crowd others out", async () => {
  const many = Array.from({ length: 300 }, (_, i) => ({
    channel: `c${i}`,
    arch: "arm64",
  }));
  const found = await others({ "own a": many, b: [LAB] }, [LAB, USUAL]);
  assert.ok(found.includes("lab/riscv64"));
  assert.ok(found.includes("testing/x86_64"));
  assert.ok(found.length < 64, `${found.length}`);
});

Deno.test("find() names an image of another channel that a node met has", async () => {
  const { dht, clock } = network();
  const alice = await createIdentity();
  dht.values.set(bootRecordKey(LAB), [await record(alice, clock, {}, LAB)]);
  const node = "/ip4/192.0.2.7/tcp/4001#0";
  const list = bytes(bootRecordKey(LAB));
  dht.providers.set(ALL_BOOT_RECORDS, new Map([[node, list]]));
  const findings = await findFor(500, dht, clock);
  assert.deepEqual(findings.filter((f) => f.kind === "other"), [
    { kind: "other", image: LAB },
  ]);
});
