// deno-lint-ignore-file no-console -- the line of JSON is its result
/**
 * A provider's place in the DHT without the rest of it: a node and its
 * advertiser, in a process of its own, which publishes some images, refreshes
 * them a few times and says in one line of JSON what that has cost. Settings
 * come as one JSON argument.
 */
import { DhtAdvertiser } from "../../lib/advertise/dht_advertiser.ts";
import { sleep, systemClock as clock } from "../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../lib/core/dht_protocol.ts";
import { createIdentity } from "../../lib/net/dht/identity.ts";
import {
  type Dialer,
  requestPeer,
} from "../../lib/net/dht/internal/request.ts";
import { openStranger } from "../../lib/net/dht/internal/stranger.ts";
import type { PeerAnswer } from "../../lib/net/dht/lookup.ts";
import {
  KadCall,
  type KadRequest,
  keyMultihash,
} from "../../lib/net/dht/message.ts";
import { DhtNode } from "../../lib/net/dht/node.ts";
import { bootRecordKey } from "../../lib/wire/boot_record.ts";
import { createBootRecordPolicy } from "../../lib/wire/boot_record_policy.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { withOwnAddress } from "./own_address.ts";
import { socketBytes } from "./socket_bytes.ts";

/** What a publisher is told. */
export interface PublisherSettings {
  /** The address of its node. */
  readonly host: string;
  /** Every other node: the first is joined through, all are asked in the end. */
  readonly others: readonly string[];
  readonly images: number;
  readonly ttlSeconds: number;
  readonly refreshSeconds: number;
  /** How often each image is refreshed before it ends. */
  readonly cycles: number;
}

/** What publishing has cost, over all images. */
export interface PublishingCost {
  /** Announcements of an image. */
  readonly announced: number;
  /** Requests to other nodes, by kind. */
  readonly requests: Readonly<Record<string, number>>;
  /** Of TCP, both ways. */
  readonly bytes: number;
  readonly seconds: number;
}

/** What a publisher says. */
export interface PublisherResult {
  readonly first: PublishingCost;
  readonly refresh: PublishingCost;
  /** The longest time between two announcements of an image. */
  readonly longestGapSeconds: number;
  /** Of how many images the fewest nodes were asked for. */
  readonly sampled: number;
  /** Nodes that keep the value of an image, and its provider entry. */
  readonly holders: Readonly<
    Record<
      "values" | "providers",
      { readonly min: number; readonly mean: number }
    >
  >;
  readonly memoryBytes: number;
  readonly log: readonly string[];
}

const { signal } = new AbortController();
/** Images whose holders are counted. */
const SAMPLE = 50;
/** Of a node that is busy with others. */
const MAX_TRIES = 20;

/** A provider of many images, and when it announced each. */
class Publisher implements AsyncDisposable {
  readonly logger = new MemoryLogger();
  /** By key. */
  readonly announcedMs = new Map<string, number[]>();
  readonly node: DhtNode;
  readonly advertiser: DhtAdvertiser;

  constructor(
    node: DhtNode,
    { ttlSeconds, refreshSeconds }: PublisherSettings,
  ) {
    this.node = node;
    const announced = (key: string) => {
      const before = this.announcedMs.get(key) ?? [];
      this.announcedMs.set(key, [...before, clock.monotonic()]);
    };
    this.advertiser = new DhtAdvertiser({
      node: {
        peerId: node.peerId,
        sign: node.sign,
        publish(key, value, options) {
          announced(key);
          return node.publish(key, value, options);
        },
        publishAll(entries, options) {
          for (const { key } of entries) announced(key);
          return node.publishAll(entries, options);
        },
        provide: node.provide.bind(node),
        withdraw: node.withdraw.bind(node),
        lookFromOutside: node.lookFromOutside.bind(node),
        isReachable: node.isReachable.bind(node),
        onPeer: node.onPeer.bind(node),
        onPeerLost: node.onPeerLost.bind(node),
        joinStates: node.joinStates.bind(node),
      },
      urlFor: ({ channel, arch }) =>
        `http://192.0.2.7:8080/${channel}/${arch}/manifest.json`,
      ttlSeconds,
      refreshSeconds,
      clock,
      logger: this.logger,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.advertiser[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
  }

  /** What is spent until `run` has ended. */
  async cost(run: () => Promise<unknown>): Promise<PublishingCost> {
    const [before, requests] = [this.#spent(), this.#requests()];
    await run();
    const after = this.#spent();
    return {
      announced: after.announced - before.announced,
      requests: Object.fromEntries(
        Object.entries(this.#requests()).map(([kind, count]) => [
          kind,
          count - (requests[kind] ?? 0),
        ]),
      ),
      bytes: after.bytes - before.bytes,
      seconds: (after.atMs - before.atMs) / 1000,
    };
  }

  #spent() {
    const all = [...this.announcedMs.values()];
    return {
      announced: all.reduce((sum, { length }) => sum + length, 0),
      bytes: socketBytes(),
      atMs: clock.monotonic(),
    };
  }

  #requests(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { kind, count } of this.node.sentCounts.list()) {
      counts[kind] = (counts[kind] ?? 0) + count;
    }
    return counts;
  }
}

async function openNode(
  { host, others, ttlSeconds }: PublisherSettings,
): Promise<DhtNode> {
  const identity = await createIdentity();
  return await withOwnAddress(host, () =>
    DhtNode.open({
      identity,
      listen: [`/ip4/${host}/tcp/0`],
      alsoAnnounce: () => [],
      bootstrap: others.slice(0, 1),
      protocol: DEFAULT_DHT_PROTOCOL,
      policy: createBootRecordPolicy({ clock }),
      recordTtlSeconds: ttlSeconds,
      clock,
      signal,
    }));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(clock, 100, { signal });
}

/** What a node that may be busy says; nothing where it does not answer. */
async function askUntilAnswered(
  stranger: Dialer,
  to: string,
  request: KadRequest,
): Promise<PeerAnswer[]> {
  for (let i = 0; i < MAX_TRIES; i++) {
    const answer = await requestPeer(stranger, to, request, {
      ...{ protocol: DEFAULT_DHT_PROTOCOL, clock, timeoutMs: 5000, signal },
    });
    if (answer.ok) return [answer.value];
    await sleep(clock, 100, { signal });
  }
  return [];
}

/** How many nodes keep what they should, by asking each of them. */
async function countHolders(
  keys: readonly string[],
  others: readonly string[],
  peerId: string,
): Promise<PublisherResult["holders"]> {
  const stranger = await openStranger({ timeoutMs: 5000 });
  const counts = { values: [] as number[], providers: [] as number[] };
  for (const key of keys) {
    const bytes = new TextEncoder().encode(key);
    const ask = async (call: KadCall, key: Uint8Array) => {
      const answers = others.map((to) =>
        askUntilAnswered(stranger, to, { call, key })
      );
      return (await Promise.all(answers)).flat();
    };
    const values = await ask(KadCall.getValue, bytes);
    counts.values.push(
      values.filter(({ value }) => value !== undefined).length,
    );
    const entries = await ask(KadCall.getProviders, keyMultihash(bytes));
    counts.providers.push(
      entries.filter(({ providers }) => providers.some((p) => p.id === peerId))
        .length,
    );
  }
  await stranger.stop();
  const summed = (all: readonly number[]) => ({
    min: Math.min(...all),
    mean: all.reduce((sum, one) => sum + one, 0) / all.length,
  });
  return {
    values: summed(counts.values),
    providers: summed(counts.providers),
  };
}

async function run(settings: PublisherSettings): Promise<PublisherResult> {
  const { images: count, cycles, others } = settings;
  const node = await openNode(settings);
  await until(() => node.peerCount() >= Math.min(20, others.length));
  await sleep(clock, 3000, { signal });
  await using publisher = new Publisher(node, settings);
  const { advertiser, announcedMs, logger } = publisher;
  const images = Array.from({ length: count }, (_, i) => ({
    channel: `channel-${i}`,
    arch: "arm64",
  }));
  const first = await publisher.cost(async () => {
    for (const image of images) {
      void advertiser.publish({ image, version: "1" }, { signal });
    }
    await until(() =>
      images.every((image) => advertiser.isPublished(image)) &&
      advertiser.status().every((one) => one.nextRefreshMs !== undefined)
    );
  });
  const before = new Map(
    [...announcedMs].map(([key, { length }]) => [key, length] as const),
  );
  const refresh = await publisher.cost(() =>
    until(() =>
      [...announcedMs].every(([key, { length }]) =>
        length >= (before.get(key) ?? 0) + cycles
      ) && advertiser.status().every((one) => one.nextRefreshMs !== undefined)
    )
  );
  const gaps = [...announcedMs.values()].flatMap((all) =>
    all.slice(1).map((ms, i) => ms - (all[i] ?? 0))
  );
  const step = Math.max(1, Math.floor(count / SAMPLE));
  const sample = images.filter((_, i) => i % step === 0).map(bootRecordKey);
  return {
    first,
    refresh,
    longestGapSeconds: Math.max(...gaps) / 1000,
    sampled: sample.length,
    holders: await countHolders(sample, others, node.peerId),
    memoryBytes: Deno.memoryUsage().rss,
    log: logger.lines,
  };
}

if (import.meta.main) {
  const settings: PublisherSettings = JSON.parse(Deno.args[0] ?? "");
  console.log(JSON.stringify(await run(settings)));
  Deno.exit(0);
}
