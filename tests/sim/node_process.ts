// deno-lint-ignore-file no-console -- the lines of JSON are its result
/**
 * Some DHT nodes in a process of their own, which the simulation can kill and
 * freeze. Settings come as one JSON argument; says in one line of JSON when it
 * is ready, and ends with its stdin.
 */
import { createBootRecordPolicy } from "../../lib/advertise/boot_record_policy.ts";
import { openDhtAdvertiser } from "../../lib/advertise/dht_advertiser.ts";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { sleep, systemClock as clock } from "../../lib/core/clock.ts";
import { createLogger } from "../../lib/core/log.ts";
import { createIdentity } from "../../lib/net/dht_identity.ts";
import { openDhtNode } from "../../lib/net/dht_node.ts";
import { bootRecordKey } from "../../lib/advertise/boot_record.ts";
import type { RecordPolicy } from "../../lib/net/dht_record_policy.ts";

/** What a process of nodes is told. */
export interface NodeProcessSettings {
  readonly nodes: number;
  /** A multiaddr. */
  readonly listen: string;
  readonly bootstrap: readonly string[];
  /** What the first node advertises. */
  readonly images: readonly ChannelArch[];
  readonly ttlSeconds: number;
  /** Keeps whatever comes, and garbage under the images' keys. */
  readonly isHostile: boolean;
}

/** What it says when it is ready. */
export interface NodeProcessReady {
  /** One of each node. */
  readonly addresses: readonly string[];
  readonly peerIds: readonly string[];
  /** How many other nodes keep each image's record. */
  readonly storedAt: readonly number[];
}

const { signal } = new AbortController();

async function main(settings: NodeProcessSettings): Promise<NodeProcessReady> {
  const nodes = await Promise.all(
    Array.from({ length: settings.nodes }, async () =>
      await openDhtNode({
        identity: await createIdentity(),
        listen: [settings.listen],
        bootstrap: settings.bootstrap,
        policy: settings.isHostile
          ? acceptAnything()
          : createBootRecordPolicy({ clock }),
        recordTtlSeconds: settings.ttlSeconds,
        clock,
        signal,
      })),
  );
  const [first] = nodes;
  if (first === undefined) throw new Error("Cannot simulate without a node");
  const storedAt: number[] = [];
  if (settings.isHostile) {
    const garbage = crypto.getRandomValues(new Uint8Array(10_000));
    for (const image of settings.images) {
      for (const node of nodes) {
        await node.publish(bootRecordKey(image), garbage, {
          ttlSeconds: settings.ttlSeconds,
          signal,
        });
      }
    }
  } else {
    const advertiser = openDhtAdvertiser({
      node: first,
      urlFor: ({ channel, arch }) =>
        `http://127.0.0.1:8080/${channel}/${arch}/manifest.json`,
      ttlSeconds: settings.ttlSeconds,
      refreshSeconds: settings.ttlSeconds / 2,
      clock,
      logger: createLogger({
        level: "error",
        format: "text",
        clock,
        writeLine: (line) => console.error(line),
      }),
    });
    for (const image of settings.images) {
      await advertiser.publish({ image, version: "1" }, { signal });
    }
    // Published means at one other node; here all of them are waited for.
    const isRunning = () =>
      advertiser.status().some((status) => status.nextRefreshMs === undefined);
    while (isRunning()) await sleep(clock, 20, { signal });
    storedAt.push(...advertiser.status().map((status) => status.storedAt));
  }
  return {
    addresses: nodes.flatMap((node) => node.addresses().slice(0, 1)),
    peerIds: nodes.map((node) => node.peerId),
    storedAt,
  };
}

function acceptAnything(): RecordPolicy {
  return {
    namespace: "phase",
    accept: () => Promise.resolve({ ok: true, value: undefined }),
    isBetter: () => true, // what it has stays
    expiresMs: () => Infinity,
  };
}

if (import.meta.main) {
  const ready = await main(JSON.parse(Deno.args[0] ?? ""));
  console.log(JSON.stringify(ready));
  for await (const _ of Deno.stdin.readable); // until the simulation ends it
  Deno.exit(0);
}
