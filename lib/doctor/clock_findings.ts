import { RELEASED_AT_MS } from "../core/version.ts";
import { CLOCK_SKEW_MS } from "../manifest/timestamp.ts";
import type { Finding } from "./finding.ts";
import type { Observations } from "./observations.ts";
import type { DhtStatus } from "./provider_view.ts";

/**
 * How far the provider says its clock is off from those of other DHT nodes,
 * which date what they keep.
 *
 * @returns undefined if it is not off, as far as the provider can tell
 */
export function clockByPeers(dht: DhtStatus | null): string | undefined {
  return dht?.unpublished.map(({ problem }) => problem)
    .find((problem) => problem?.startsWith("the clock of this machine is "));
}

/**
 * What is wrong with clocks: clients refuse manifests that are dated in the
 * future or have expired by their own clock.
 */
export function clockFindings(
  { provider, isLocal, nowMs, neighbours }: Observations,
): Finding[] {
  if (isLocal && nowMs < RELEASED_AT_MS) {
    return [{
      code: "clock_unset",
      where: [new Date(nowMs).toISOString()],
      cause:
        "this machine's clock was never set: what is signed here is refused elsewhere",
      nextStep: "set it by NTP, or with: date -s",
    }];
  }
  const byPeers = clockByPeers(provider?.dht ?? null);
  if (provider !== undefined && byPeers !== undefined) {
    const [cause = byPeers] = byPeers.split(": set it");
    return [{
      code: "clock_off",
      where: [provider.url],
      cause: `${cause}, and clients refuse what it dates`,
      nextStep: "set it by NTP there, or see why NTP does not: timedatectl",
    }];
  }
  // The median, since any single neighbour may itself be wrong.
  const sorted = neighbours.toSorted((a, b) => a.aheadMs - b.aheadMs);
  const middle = sorted[Math.floor(sorted.length / 2)];
  const others = provider !== undefined && !isLocal
    ? [{ url: provider.url, aheadMs: provider.timeMs - nowMs }]
    : middle === undefined
    ? []
    : [middle];
  return others.filter(({ aheadMs }) => Math.abs(aheadMs) > CLOCK_SKEW_MS)
    .map(({ url, aheadMs }) => ({
      code: "clock_off",
      where: [url],
      cause: `the clock there is ${
        Math.round(Math.abs(aheadMs) / 60_000)
      } min ${
        aheadMs > 0 ? "ahead of" : "behind"
      } this machine's: one of the two is wrong, and clients that have the time refuse what the other signs`,
      nextStep: "see both with date -u, and set the wrong one by NTP",
    }));
}
