import { DhtAdvertiser } from "../../lib/advertise/dht_advertiser.ts";
import type { ToldImage } from "../../lib/advertise/told_images.ts";
import { createIdentity } from "../../lib/net/dht/identity.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakePublishingNode } from "./fake_publishing_node.ts";
import { MemoryLogger } from "./memory_logger.ts";

/** Of the node below. */
export const identity = await createIdentity();

/** An advertiser whose node, clock and log are a test's. */
export function openDhtAdvertiser(
  { host = (): string => "192.0.2.7", isAmino = false, toldBefore }: {
    readonly host?: () => string;
    readonly isAmino?: boolean;
    readonly toldBefore?: readonly ToldImage[];
  } = {},
): {
  advertiser: DhtAdvertiser;
  node: FakePublishingNode;
  clock: FakeClock;
  logger: MemoryLogger;
} {
  const clock = new FakeClock();
  const node = new FakePublishingNode(identity, clock);
  const logger = new MemoryLogger();
  const advertiser = new DhtAdvertiser({
    node,
    urlFor: ({ channel, arch }, reader) =>
      `http://${reader?.localAddress ?? host()}/${channel}/${arch}`,
    isAmino,
    toldBefore,
    providerName: "rack 7",
    ttlSeconds: 3600,
    refreshSeconds: isAmino ? 79_200 : 1800,
    clock,
    logger,
  });
  return { advertiser, node, clock, logger };
}
