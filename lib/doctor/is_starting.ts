import { selectLinks } from "../net/interfaces.ts";
import type { Observations } from "./observations.ts";

/**
 * Whether a provider is still reading its images for the first time. Until it
 * is done, it reports and advertises none of them.
 */
export function isStarting(
  { provider, isLocal, addresses }: Pick<
    Observations,
    "provider" | "isLocal" | "addresses"
  >,
): boolean {
  if (provider === undefined) return false;
  const { images, missing, warnings, mdns } = provider;
  const isBlank = [images, missing, warnings].every((list) =>
    list.length === 0
  );
  if (mdns === null || mdns.links.length > 0) return isBlank;
  // All we know about another machine's interfaces is that one answers.
  return isLocal
    ? selectLinks(addresses, mdns.interfaces).length > 0
    : mdns.interfaces.length === 0;
}
