import { selectLinks } from "../net/interfaces.ts";
import type { Observations } from "./observations.ts";

/**
 * Whether a provider still reads its images for the first time: until then it
 * knows of none, and tells nobody of those that it has read.
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
  // Of another machine's interfaces nothing is known but that one answers.
  return isLocal
    ? selectLinks(addresses, mdns.interfaces).length > 0
    : mdns.interfaces.length === 0;
}
