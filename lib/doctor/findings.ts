import type { Finding } from "./finding.ts";
import { linkFindings } from "./link_findings.ts";
import type { Observations } from "./observations.ts";
import {
  imagesHaveExpired,
  loopbackIsAllThereIs,
  manifestIsNotServed,
  nothingIsAdvertised,
  nothingIsServed,
  providerIsSilent,
} from "./provider_findings.ts";

/** One look at a provider as a whole; a further check is a further row. */
const PROVIDER_CHECKS: readonly ((seen: Observations) => Finding[])[] = [
  nothingIsServed,
  imagesHaveExpired,
  nothingIsAdvertised,
  loopbackIsAllThereIs,
  manifestIsNotServed,
];

/**
 * What keeps clients from the images, each cause once: what only follows from
 * another finding is none.
 *
 * @returns none of a healthy host
 */
export function findingsFrom(seen: Observations): Finding[] {
  const { provider } = seen;
  if (provider === undefined) return providerIsSilent(seen);
  return merged([
    ...PROVIDER_CHECKS.flatMap((check) => check(seen)),
    ...seen.links.flatMap((view) => linkFindings(view, { ...seen, provider })),
  ]);
}

/** The same of several links is one finding. */
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
