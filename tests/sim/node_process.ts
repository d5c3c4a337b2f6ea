// deno-lint-ignore-file no-console -- the line of JSON is its result
/**
 * Some DHT nodes in a process of their own, which the simulation can kill and
 * freeze. Settings come as one JSON argument; says in one line of JSON when it
 * is ready, answers a byte with a line once it has settled, or has published
 * what it provides, and ends with its stdin.
 */
import process from "node:process";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { sleep, systemClock as clock } from "../../lib/core/clock.ts";
import { refuse } from "../../lib/core/result.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../lib/core/dht_protocol.ts";
import { createIdentity, type Identity } from "../../lib/net/dht/identity.ts";
import { DhtNode } from "../../lib/net/dht/node.ts";
import type { RecordRules } from "../../lib/net/dht/record_rules.ts";
import { bootRecordKey } from "../../lib/wire/boot_record.ts";
import { createBootRecordPolicy } from "../../lib/wire/boot_record_policy.ts";
import { FORGERIES } from "./forgeries.ts";
import { NodeOrder } from "./node_orders.ts";
import { withOwnAddress } from "./own_address.ts";
import { signedRecord } from "../support/boot_records.ts";

/** What a process of nodes is told. */
export interface NodeProcessSettings {
  /** The address of each node. */
  readonly hosts: readonly string[];
  readonly bootstrap: readonly string[];
  readonly ttlSeconds: number;
  /** Of Kademlia. @default that of the programs */
  readonly protocol?: string;
  /**
   * Of which image each node keeps a forgery, another kind each, answers every
   * query for it with that, and offers it to the others.
   */
  readonly forged?: ChannelArch;
  /** Whether it keeps providers alone, as nodes of other networks do. */
  readonly refusesValues?: boolean;
  /**
   * Where the manifest is that each node provides, by a query of its own, once
   * it is told to. @default nowhere
   */
  readonly provides?: string;
}

/** What it says when it is ready. */
export interface NodeProcessReady {
  /** One of each node. */
  readonly addresses: readonly string[];
}

const { signal } = new AbortController();

async function openNodes(settings: NodeProcessSettings): Promise<DhtNode[]> {
  const { forged, protocol = DEFAULT_DHT_PROTOCOL } = settings;
  return await Promise.all(
    settings.hosts.map(async (host, i) => {
      const identity = await createIdentity();
      const open = () =>
        DhtNode.open({
          identity,
          listen: [`/${host.includes(":") ? "ip6" : "ip4"}/${host}/tcp/0`],
          alsoAnnounce: () => [],
          bootstrap: settings.bootstrap,
          protocol,
          policy: forged === undefined
            ? {
              ...createBootRecordPolicy({ clock }),
              ...settings.refusesValues === true && {
                accept: () => Promise.resolve(refuse("no value of yours")),
              },
            }
            : acceptAnything(),
          recordTtlSeconds: settings.ttlSeconds,
          clock,
          signal,
        });
      const node = await withOwnAddress(host, open);
      if (forged !== undefined) await forge(node, identity, forged, i);
      return node;
    }),
  );
}

/** @returns how many other nodes were told that each provides the image */
async function publishAll(
  nodes: readonly DhtNode[],
  { provides, ttlSeconds }: NodeProcessSettings,
): Promise<number[]> {
  const image = { channel: "stable", arch: "arm64" };
  return await Promise.all(nodes.map(async (node) => {
    const url = `${provides}?${node.peerId}`;
    const value = await signedRecord(image, node, { url, ttlSeconds });
    const told = { ttlSeconds, signal };
    const outcome = await node.publish(bootRecordKey(image), value, told);
    return outcome.providedAt;
  }));
}

async function forge(
  node: DhtNode,
  identity: Identity,
  image: ChannelArch,
  kind: number,
): Promise<void> {
  const make = FORGERIES[kind % FORGERIES.length];
  if (make === undefined) return;
  const value = await make(image, identity);
  const publish = (signal: AbortSignal) =>
    node.publish(bootRecordKey(image), value, { ttlSeconds: 3600, signal });
  await publish(AbortSignal.abort()); // keeps it, before another's can come
  await publish(signal);
}

/** Waits until the process has little to do, for a minute at most. */
async function settle(): Promise<void> {
  const endMs = clock.monotonic() + 60_000;
  for (let calm = 0; calm < 2 && clock.monotonic() < endMs;) {
    const before = process.cpuUsage();
    await sleep(clock, 1000, { signal });
    const { user, system } = process.cpuUsage(before); // microseconds
    calm = user + system < 100_000 ? calm + 1 : 0;
  }
}

function acceptAnything(): RecordRules {
  return {
    namespace: "phase",
    accept: () => Promise.resolve({ ok: true, value: undefined }),
    isBetter: () => true, // what it has stays
    expiresMs: () => Infinity,
  };
}

if (import.meta.main) {
  const settings: NodeProcessSettings = JSON.parse(Deno.args[0] ?? "");
  const nodes = await openNodes(settings);
  const addresses = nodes.flatMap((node) => node.addresses().slice(0, 1));
  const ready: NodeProcessReady = { addresses };
  console.log(JSON.stringify(ready));
  for await (const [told] of Deno.stdin.readable) {
    if (told === NodeOrder.publish) {
      console.log(JSON.stringify(await publishAll(nodes, settings)));
    } else if (told === NodeOrder.count) {
      const counts = nodes.map(({ requestCounts }) => requestCounts.list());
      console.log(JSON.stringify(counts.flat()));
    } else {
      await settle();
      console.log();
    }
  }
  Deno.exit(0);
}
