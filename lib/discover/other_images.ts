import {
  type ChannelArch,
  DEFAULT_ARCHITECTURES,
  DEFAULT_CHANNELS,
  formatChannelArch,
} from "../core/channel_arch.ts";
import { mapParallel } from "../core/map_parallel.ts";
import type { Result } from "../core/result.ts";
import type { DhtClient } from "../net/dht/client.ts";
import type { KadPeer } from "../net/dht/lookup.ts";
import {
  ALL_BOOT_RECORDS,
  type BootRecord,
  bootRecordKey,
  readBootRecordKeys,
} from "../wire/boot_record.ts";

/** Where to look for other images. */
export interface OtherImagesOptions {
  /** Asks. */
  readonly client: DhtClient;
  readonly image: ChannelArch;
  /** Where a look-up begins. */
  readonly seeds: readonly string[];
  /** The nodes that have answered. */
  readonly nodes: readonly KadPeer[];
  /** Judges a record. */
  readonly parse: (
    key: string,
    value: Uint8Array,
  ) => Promise<Result<BootRecord>>;
  /** Told of each that exists, once. */
  readonly report: (image: ChannelArch) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Nodes that are asked which keys they have. */
const MAX_NODES = 32;
/** Each costs a look-up, and anybody may name any number. */
const MAX_IMAGES = 64;
/** How many of the nodes that name an image are asked for its record. */
const MAX_NAMERS = 3;

/** An image that may exist. */
interface Named {
  readonly image: ChannelArch;
  /** The nodes that claim to have a record of it. */
  readonly nodes: KadPeer[];
}

/**
 * Finds which other images exist: those that providers offer by default, and
 * those named by the nodes that have answered. An image counts only with a
 * validly signed record; only nodes of the DHT are asked.
 */
export async function lookForOthers(
  options: OtherImagesOptions,
): Promise<void> {
  const lists = await mapParallel(
    options.nodes.slice(0, MAX_NODES),
    async (node) => ({ node, images: await listOf(node, options) }),
  );
  await mapParallel(merge(lists, options.image), async (one) => {
    if (await exists(one, options)) options.report(one.image);
  });
}

async function listOf(
  node: KadPeer,
  { client, signal }: OtherImagesOptions,
): Promise<ChannelArch[]> {
  const keys = await client.fetch(node, ALL_BOOT_RECORDS, { signal });
  return keys.ok ? readBootRecordKeys(keys.value) : [];
}

/** The first of each list, then the second: long ones wait for the others. */
function merge(
  lists: readonly { node: KadPeer; images: readonly ChannelArch[] }[],
  wanted: ChannelArch,
): Named[] {
  const named = new Map<string, Named>();
  const add = (image: ChannelArch): KadPeer[] => {
    const name = formatChannelArch(image);
    const { nodes } = named.get(name) ?? { nodes: [] };
    if (named.size < MAX_IMAGES) named.set(name, { image, nodes });
    return nodes;
  };
  for (const channel of DEFAULT_CHANNELS) {
    for (const arch of DEFAULT_ARCHITECTURES) add({ channel, arch });
  }
  const longest = Math.max(0, ...lists.map(({ images }) => images.length));
  for (let i = 0; i < longest; i++) {
    for (const { node, images: { [i]: image } } of lists) {
      if (image !== undefined) add(image).push(node);
    }
  }
  named.delete(formatChannelArch(wanted));
  return [...named.values()];
}

/** Whether anybody has signed a record of it. */
async function exists(
  { image, nodes }: Named,
  { client, seeds, parse, signal }: OtherImagesOptions,
): Promise<boolean> {
  const key = bootRecordKey(image);
  for (const node of nodes.slice(0, MAX_NAMERS)) {
    const own = await client.fetch(node, key, { signal });
    if (own.ok && (await parse(key, own.value)).ok) return true;
  }
  for await (const step of client.findValues(key, seeds, { signal })) {
    if (step.kind === "failure" || step.answer.value === undefined) continue;
    if ((await parse(key, step.answer.value)).ok) return true;
  }
  return false;
}
