// deno-lint-ignore-file no-console -- the line of JSON is its result
/**
 * Some DHT nodes in a process of their own, which the simulation can kill and
 * freeze. Settings come as one JSON argument; says in one line of JSON when it
 * is ready, answers each byte with a line once it has settled, and ends with
 * its stdin.
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
import { withOwnAddress } from "./own_address.ts";

/** What a process of nodes is told. */
export interface NodeProcessSettings {
  readonly nodes: number;
  /** Three bytes of the addresses of its nodes, such as `127.1.7`. */
  readonly network: string;
  readonly bootstrap: readonly string[];
  readonly ttlSeconds: number;
  /**
   * Of which image each node keeps a forgery, another kind each, answers every
   * query for it with that, and offers it to the others.
   */
  readonly forged?: ChannelArch;
  /** Whether it keeps providers alone, as nodes of other networks do. */
  readonly refusesValues?: boolean;
}

/** What it says when it is ready. */
export interface NodeProcessReady {
  /** One of each node. */
  readonly addresses: readonly string[];
}

const { signal } = new AbortController();

async function main(settings: NodeProcessSettings): Promise<NodeProcessReady> {
  const { forged } = settings;
  const nodes = await Promise.all(
    Array.from({ length: settings.nodes }, async (_, i) => {
      const identity = await createIdentity();
      const host = `${settings.network}.${i + 1}`;
      const open = () =>
        DhtNode.open({
          identity,
          listen: [`/ip4/${host}/tcp/0`],
          alsoAnnounce: () => [],
          bootstrap: settings.bootstrap,
          protocol: DEFAULT_DHT_PROTOCOL,
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
  return { addresses: nodes.flatMap((node) => node.addresses().slice(0, 1)) };
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
  const ready = await main(JSON.parse(Deno.args[0] ?? ""));
  console.log(JSON.stringify(ready));
  for await (const _ of Deno.stdin.readable) {
    await settle();
    console.log();
  }
  Deno.exit(0);
}
