import type { PublisherResult, PublishingCost } from "./publisher_process.ts";
import { type Scenario, startCrowd } from "./scenarios.ts";

/** Nodes besides the provider: more than keep a record. */
const NODES = 32;
/** Kademlia's k. */
const HOLDERS = 20;
/** Longer than the scenario lasts. */
const TTL_SECONDS = 3600;

/** Providers that are measured, one after the other. */
const SIZES = [
  { images: 1, refreshSeconds: 20, cycles: 3 },
  { images: 10, refreshSeconds: 20, cycles: 3 },
  { images: 100, refreshSeconds: 60, cycles: 3 },
  { images: 1000, refreshSeconds: 120, cycles: 3 },
];

/**
 * What a refresh of one of 100 images took while each was looked up and told by
 * itself: 45 FIND_NODE and 42 others, 20.5 holders; for 1 and 10 images as many.
 * A first publication took 95 requests, and 5.6 images were told a second.
 */
const BEFORE_BYTES = 110_949;
/** Of them, what is left. */
const MAX_BYTES_SHARE = 0.4;
/** For each of 1,000 images. */
const MAX_FIND_NODE = 2.5;
/** Of a provider of 1,000 images, over one of 10. */
const MAX_MEMORY_GROWTH = 1.5;

/** What a provider of many images costs the network. */
export const MANY_IMAGES: readonly Scenario[] = [{
  name: "many-images",
  p95Ms: Infinity,
  async run(network, options) {
    const { processes } = await startCrowd(network, NODES, options);
    const others = processes.flatMap(({ addresses }) => addresses);
    const results = new Map<number, Measured>();
    for (const [i, size] of SIZES.entries()) {
      const result = await network.startPublisher({
        ...size,
        host: `127.77.0.${i + 1}`,
        others,
        ttlSeconds: TTL_SECONDS,
      });
      results.set(size.images, { ...size, ...result });
      for (const process of processes) await process.settle();
    }
    const all = [...results.values()];
    return {
      lookups: [],
      wanted: [],
      checks: checksOf(results),
      notes: { sizes: all.map(figures) },
    };
  },
}];

type Measured = PublisherResult & typeof SIZES[number];

function checksOf(
  results: ReadonlyMap<number, Measured>,
): Record<string, boolean> {
  const all = [...results.values()];
  const [ten, hundred, thousand] = [10, 100, 1000].map((n) => results.get(n));
  if (ten === undefined || hundred === undefined || thousand === undefined) {
    return { measured: false };
  }
  const few = perRound(hundred);
  const many = perRound(thousand);
  return {
    held_by_all_nearest: all.every(({ holders }) =>
      holders.values.min >= HOLDERS && holders.providers.min >= HOLDERS
    ),
    none_late: all.every((one) => one.longestGapSeconds <= one.refreshSeconds),
    few_find_node: perImage(thousand.refresh).find_node <= MAX_FIND_NODE,
    few_bytes: [hundred, thousand].every((one) =>
      perImage(one.refresh).bytes_per_image <= MAX_BYTES_SHARE * BEFORE_BYTES
    ),
    grows_with_images: many.rpc <= 10 * few.rpc,
    look_ups_grow_less: many.findNode < many.rpc / few.rpc * few.findNode,
    memory_stays: thousand.memoryBytes <= MAX_MEMORY_GROWTH * ten.memoryBytes,
  };
}

/** Requests for one refresh of all images. */
function perRound({ images, refresh }: Measured) {
  const each = perImage(refresh);
  return {
    rpc: images * each.rpc_per_image,
    findNode: images * each.find_node,
  };
}

/** Of one provider, in numbers that can be compared. */
function figures(measured: Measured) {
  const { images, first, refresh, holders, longestGapSeconds } = measured;
  return {
    images,
    first: perImage(first),
    refresh: perImage(refresh),
    longest_gap_s: Math.round(longestGapSeconds),
    interval_s: measured.refreshSeconds,
    holders,
    memory_mb: Math.round(measured.memoryBytes / 1e6),
    log: measured.log,
  };
}

/** Of each announcement of an image. */
function perImage({ announced, requests, bytes, seconds }: PublishingCost) {
  const each = (count: number) => Math.round(count / announced * 100) / 100;
  const counts = Object.entries(requests);
  const byKind = Object.fromEntries(counts.map(([kind, n]) => [kind, each(n)]));
  return {
    announced,
    seconds: Math.round(seconds * 10) / 10,
    rpc_per_image: each(counts.reduce((sum, [, count]) => sum + count, 0)),
    bytes_per_image: Math.round(bytes / announced),
    ...{ find_node: 0, ...byKind },
  };
}
