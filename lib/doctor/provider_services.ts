import { type FoundService, readService } from "../wire/image_service.ts";
import type { HeardInstance, LinkView, Observations } from "./observations.ts";

/** A provider names one or two; others may add more under its name. */
const MAX_ORIGINS = 8;

/** What distinguishes one provider from others. */
export type ProviderTraits = Pick<
  Observations,
  "provider" | "providerAddresses" | "attempts"
>;

/** Whether an instance belongs to the provider in question. */
export function isProvidersOwn(
  { port, addresses }: HeardInstance,
  { provider, providerAddresses, attempts }: ProviderTraits,
): boolean {
  const wanted = provider?.http.port ?? portOf(attempts[0]?.url);
  return port === wanted &&
    addresses.some((address) => providerAddresses.includes(address));
}

/** The provider's instances on a link, as a client reads them. */
export function servicesHeardOn(
  { link, heard }: LinkView,
  provider: ProviderTraits,
): FoundService[] {
  return heard.filter((one) => isProvidersOwn(one, provider)).flatMap((one) => {
    const service = readService(one, link);
    return service.ok ? [service.value] : [];
  });
}

/** For each host that is named, the URL that a client tries first. */
export function urlsHeardOn(
  view: LinkView,
  provider: ProviderTraits,
): string[] {
  const byOrigin = new Map(
    servicesHeardOn(view, provider).map(({ manifestUrls: [best] }) =>
      [best.origin, best.href] as const
    ),
  );
  return [...byOrigin.values()].slice(0, MAX_ORIGINS);
}

function portOf(url: string | undefined): number | undefined {
  const parsed = URL.parse(url ?? "");
  if (parsed === null) return undefined;
  return Number(parsed.port || (parsed.protocol === "https:" ? 443 : 80));
}
