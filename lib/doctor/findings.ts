import { clockFindings } from "./clock_findings.ts";
import { dhtFindings } from "./dht_findings.ts";
import type { Finding } from "./finding.ts";
import { hostFindings } from "./host_findings.ts";
import { linkFindings } from "./link_findings.ts";
import { isStarting } from "./is_starting.ts";
import type { Observations } from "./observations.ts";
import {
  imagesHaveExpired,
  isThereAndSilent,
  kernelsAreForeign,
  loopbackIsAllThereIs,
  manifestIsNotServed,
  nothingIsAdvertised,
  nothingIsServed,
  providerIsSilent,
  whatProviderWarnsOf,
} from "./provider_findings.ts";

/** Checks of the provider as a whole; a new check is a new row. */
const PROVIDER_CHECKS: readonly ((seen: Observations) => Finding[])[] = [
  nothingIsServed,
  imagesHaveExpired,
  kernelsAreForeign,
  whatProviderWarnsOf,
  nothingIsAdvertised,
  loopbackIsAllThereIs,
  manifestIsNotServed,
  dhtFindings,
];

/**
 * What keeps clients from the images, each cause once: mere consequences of
 * another finding are left out.
 *
 * @returns empty for a healthy host
 */
export function findingsFrom(seen: Observations): Finding[] {
  const { provider, host } = seen;
  const isSilent = isThereAndSilent(seen);
  const { fatal, others } = host === undefined
    ? { fatal: [], others: [] }
    : hostFindings(
      host,
      provider !== undefined ? "answers" : isSilent ? "silent" : "none",
    );
  const own = [...fatal, ...others, ...clockFindings(seen)];
  if (provider === undefined) {
    // What cannot be started does not answer.
    const isFatal = fatal.length > 0 && !isSilent;
    return merged([...own, ...isFatal ? [] : providerIsSilent(seen)]);
  }
  return merged([
    ...own,
    ...(isStarting(seen) ? [whatProviderWarnsOf] : PROVIDER_CHECKS)
      .flatMap((check) => check(seen)),
    ...seen.links.flatMap((view) => linkFindings(view, { ...seen, provider })),
  ]);
}

/** Merges the same finding on several links into one. */
function merged(findings: readonly Finding[]): Finding[] {
  const groups = Map.groupBy(
    findings,
    ({ code, cause, nextStep }) => JSON.stringify([code, cause, nextStep]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    const where = [...new Set(group.flatMap((finding) => finding.where))];
    return first === undefined ? [] : [{ ...first, where }];
  });
}
