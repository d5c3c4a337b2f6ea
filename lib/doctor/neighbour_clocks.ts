import type { Clock } from "../core/clock.ts";
import { httpBaseUrl } from "../net/ip_address.ts";
import type { LinkView, NeighbourClock } from "./observations.ts";
import { isProvidersOwn, type ProviderTraits } from "./provider_services.ts";
import { readProviderView } from "./provider_view.ts";

/** Enough for a meaningful median. */
const MAX_NEIGHBOURS = 5;

/**
 * The clocks of other providers heard on the links. Each is asked at the
 * address that its announcement came from, whatever address that names.
 *
 * @throws the signal's reason, if it aborts first
 */
export async function neighbourClocks(
  links: readonly LinkView[],
  provider: ProviderTraits,
  { fetchStatus, clock }: {
    readonly fetchStatus: (
      url: string,
      options: { readonly signal: AbortSignal },
    ) => Promise<string>;
    readonly clock: Clock;
  },
  { signal }: { readonly signal: AbortSignal },
): Promise<NeighbourClock[]> {
  const urls = new Set(
    links.flatMap(({ heard }) => heard).flatMap((one) =>
      isProvidersOwn(one, provider) || one.port === undefined ||
        // The provider's other addresses, from which other links hear it.
        provider.providerAddresses.includes(one.source) ||
        one.source.includes("%") || one.source.startsWith("fe80:")
        ? []
        : [httpBaseUrl(one.source, one.port)]
    ),
  );
  const clocks = await Promise.all(
    [...urls].slice(0, MAX_NEIGHBOURS).map(async (url) => {
      try {
        const view = readProviderView(await fetchStatus(url, { signal }));
        return view.ok
          ? [{ url, aheadMs: view.value.timeMs - clock.now() }]
          : [];
      } catch {
        signal.throwIfAborted();
        return []; // Gone, or behind a firewall, which is not our concern.
      }
    }),
  );
  return clocks.flat();
}
