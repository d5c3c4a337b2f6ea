import { DhtAdvertiser } from "../../lib/advertise/dht_advertiser.ts";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { deadline, systemClock as clock } from "../../lib/core/clock.ts";
import {
  createDhtSource,
  type DhtSourceOptions,
} from "../../lib/discover/dht_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import type { DhtNode } from "../../lib/net/dht/node.ts";
import { unlimited } from "./dht_nodes.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** The image that tests publish and look for. */
export const IMAGE: ChannelArch = { channel: "stable", arch: "arm64" };

/** Advertises through a node; each provider has a URL of its own. */
export function advertise(
  node: DhtNode,
  { ttlSeconds = 3600, logger = new MemoryLogger() } = {},
): DhtAdvertiser {
  return new DhtAdvertiser({
    node,
    urlFor: ({ channel, arch }) =>
      `http://127.0.0.1:8080/${channel}/${arch}/manifest.json?${node.peerId}`,
    ttlSeconds,
    refreshSeconds: ttlSeconds / 2,
    clock,
    logger,
  });
}

/** What a fresh client finds through some nodes, until `isEnough`. */
export async function find(
  bootstrap: string[],
  isEnough: (finding: Finding) => boolean,
  { image = IMAGE, timeoutMs = 10_000, ...options }:
    & Partial<DhtSourceOptions>
    & { image?: ChannelArch; timeoutMs?: number } = {},
): Promise<Finding[]> {
  const source = createDhtSource({
    bootstrap,
    clock,
    isClockTrusted: true,
    ...options,
  });
  using limit = deadline(clock, timeoutMs, { signal: unlimited });
  const found: Finding[] = [];
  for await (const finding of source.find(image, { signal: limit.signal })) {
    found.push(finding);
    if (isEnough(finding)) break;
  }
  return found;
}

/** The peer id of a candidate's provider. */
export function providerOf(finding: Finding | undefined): string | undefined {
  return finding?.kind === "candidate" ? finding.candidate.peerId : undefined;
}
