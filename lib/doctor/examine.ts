import { type Clock, sleep } from "../core/clock.ts";
import { fetchManifest } from "../discover/fetch_manifest.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import {
  type InterfaceAddress,
  isLoopbackAddress,
  isOnLink,
  type Link,
  selectLinks,
} from "../net/interfaces.ts";
import { outcomeOfError, outcomeOfRefusal } from "./http_outcome.ts";
import type { DhtQuestion } from "./dht_stranger.ts";
import type { HostView } from "./host_view.ts";
import { isStarting } from "./is_starting.ts";
import type { AskOptions } from "./mdns_stranger.ts";
import { foreignKernels } from "./kernel_arches.ts";
import { neighbourClocks } from "./neighbour_clocks.ts";
import type {
  DhtView,
  HttpOutcome,
  LinkView,
  Observations,
} from "./observations.ts";
import { notLookedAt } from "./not_looked_at.ts";
import { nodesToAsk } from "./nodes_to_ask.ts";
import { passedOver } from "./passed_over.ts";
import { isProvidersOwn, urlsHeardOn } from "./provider_services.ts";
import {
  probePath,
  probeUrl,
  type ProviderView,
  readProviderView,
} from "./provider_view.ts";

/** On a LAN, only a firewall that drops packets takes longer. */
const PROBE_TIMEOUT_MS = 3000;

/** A start takes a second, or as long as it takes to read all images. */
const START_MS = 5000;
const LOOK_AGAIN_MS = 500;

/** Which provider to examine. */
export interface ProviderPlace {
  /** Its possible base URLs; the first that answers counts. */
  readonly urls: readonly [string, ...string[]];
  /** Whether it is on this machine. */
  readonly isLocal: boolean;
  /** The addresses that the URLs lead to. */
  readonly addresses: readonly string[];
}

/** What is needed to examine a network. */
export interface DoctorMachine {
  /** Every address of this machine. */
  readonly addresses: readonly InterfaceAddress[];
  /** Interfaces without an address; undefined: not permitted to look. */
  readonly bareInterfaces: readonly string[] | undefined;
  /** Fetches a provider's `/status`; throws if there is no answer. */
  readonly fetchStatus: (
    url: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<string>;
  /** Fetches its `/peers`; throws if there is no answer. */
  readonly fetchPeers: DoctorMachine["fetchStatus"];
  /** Fetches manifests. */
  readonly get: HttpGet;
  /** Asks for boot images by mDNS. */
  readonly askLink: (link: Link, options: AskOptions) => Promise<LinkView>;
  /** Looks an image up in the DHT. */
  readonly askDht: (
    question: DhtQuestion,
    options: { readonly signal: AbortSignal },
  ) => Promise<DhtView>;
  /** Examines this machine by the settings; undefined: there are none. */
  readonly lookAtHost:
    | ((
      provider: ProviderView | undefined,
      options: { readonly signal: AbortSignal },
    ) => Promise<HostView>)
    | undefined;
  /** Times all of it. */
  readonly clock: Clock;
}

type Seen = Pick<
  Observations,
  "attempts" | "provider" | "providerAddresses" | "isLocal"
>;

/**
 * Examines a provider and the network as its clients would see them.
 *
 * @throws the signal's reason, if it aborts first
 */
export async function examine(
  place: ProviderPlace,
  machine: DoctorMachine,
  { signal }: { readonly signal: AbortSignal },
): Promise<Observations> {
  const { addresses } = machine;
  const { isLocal } = place;
  const { attempts, provider } = await askOnceStarted(place, machine, {
    signal,
  });
  const providerAddresses = isLocal
    ? addresses.map(({ address }) => address)
    : [
      ...place.addresses,
      ...provider?.mdns?.links.map(({ address }) => address) ?? [],
    ];
  const seen = { attempts, provider, providerAddresses, isLocal };
  const asked = linksToAsk(seen, addresses);
  const expected = provider?.images.length ?? 1;
  const nowMs = machine.clock.now();
  const [links, dht] = await Promise.all([
    Promise.all(asked.map((link) =>
      machine.askLink(link, {
        clock: machine.clock,
        links: asked,
        isEnough: (heard) =>
          heard.filter((one) => isProvidersOwn(one, seen)).length >= expected,
        signal,
      })
    )),
    askDht(provider, machine, { signal }),
  ]);
  const urls = urlsToProbe(seen, links);
  if (dht?.url !== undefined) urls.add(dht.url);
  const [probes, foreign, neighbours] = await Promise.all([
    probeAll(urls, machine, { signal }),
    provider === undefined
      ? new Map<string, string>()
      : foreignKernels(provider, machine, { signal }),
    neighbourClocks(links, seen, machine, { signal }),
  ]);
  // Last, so that the ports that it briefly binds disturb nothing above.
  const host = await machine.lookAtHost?.(provider, { signal });
  return {
    ...{ ...seen, nowMs, neighbours, host, dht, addresses, links, probes },
    foreignKernels: foreign,
    passedOver: isLocal && provider?.mdns
      ? passedOver(addresses, {
        bare: machine.bareInterfaces ?? [],
        used: provider.mdns.links.map((link) => link.interface),
        named: provider.mdns.interfaces,
      })
      : [],
    notLookedAt: notLookedAt({ ...seen, addresses, links, dht, host }, machine),
  };
}

/** Looks an image up as a stranger, if the provider knows other nodes. */
async function askDht(
  provider: (ProviderView & { readonly url: string }) | undefined,
  { fetchPeers, askDht }: DoctorMachine,
  { signal }: { readonly signal: AbortSignal },
): Promise<DhtView | undefined> {
  if (provider === undefined || provider.dht === null) return undefined;
  const { peerId, peerCount } = provider.dht;
  const [image] = provider.images;
  if (image === undefined || peerCount === 0) return undefined;
  const peers = await fetchPeers(provider.url, { signal }).catch(() => {
    signal.throwIfAborted();
    return "";
  });
  const nodes = nodesToAsk(provider.dht, peers);
  return nodes.length === 0
    ? undefined
    : await askDht({ image, peerId, nodes }, { signal });
}

/** Gives a provider that is just starting a few seconds. */
async function askOnceStarted(
  place: ProviderPlace,
  machine: DoctorMachine,
  { signal }: { readonly signal: AbortSignal },
): Promise<Pick<Seen, "attempts" | "provider">> {
  const { addresses, clock } = machine;
  const { isLocal } = place;
  const endMs = clock.monotonic() + START_MS;
  while (true) {
    const asked = await askForStatus(place, machine, { signal });
    const isEarly = isStarting({ ...asked, isLocal, addresses });
    if (!isEarly || clock.monotonic() >= endMs) return asked;
    await sleep(clock, LOOK_AGAIN_MS, { signal });
  }
}

/** Asks the first URL alone, and the others only if it does not answer. */
async function askForStatus(
  { urls: [first, ...others] }: ProviderPlace,
  machine: DoctorMachine,
  options: { readonly signal: AbortSignal },
): Promise<Pick<Seen, "attempts" | "provider">> {
  const attempts: Observations["attempts"][number][] = [];
  for (const urls of [[first], others]) {
    const answers = await Promise.all(
      urls.map((url) => askOnce(url, machine, options)),
    );
    attempts.push(...answers.map(({ url, outcome }) => ({ url, outcome })));
    const found = answers.find(({ view }) => view !== undefined);
    if (found?.view !== undefined) {
      return { attempts, provider: { ...found.view, url: found.url } };
    }
  }
  return { attempts, provider: undefined };
}

async function askOnce(
  url: string,
  { fetchStatus }: DoctorMachine,
  { signal }: { readonly signal: AbortSignal },
): Promise<
  { url: string; outcome: HttpOutcome; view: ProviderView | undefined }
> {
  try {
    const view = readProviderView(await fetchStatus(url, { signal }));
    return view.ok ? { url, outcome: { kind: "served" }, view: view.value } : {
      url,
      outcome: { kind: "answered", reason: view.reason },
      view: undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { url, outcome: outcomeOfError(error), view: undefined };
  }
}

/** The links to listen on: those the provider uses, or those it is on. */
function linksToAsk(
  { provider, isLocal, providerAddresses }: Seen,
  addresses: readonly InterfaceAddress[],
): Link[] {
  if (provider !== undefined && provider.mdns === null) return [];
  const names = addresses.map(({ interfaceName }) => interfaceName);
  const all = selectLinks(addresses, names);
  if (!isLocal) {
    return all.filter((link) =>
      !link.addresses.some(({ address }) => isLoopbackAddress(address)) &&
      providerAddresses.some((address) => isOnLink(address, link))
    );
  }
  if (provider === undefined) return selectLinks(addresses, []);
  const bound = addresses.find((a) => a.address === provider.http.address);
  // Binding HTTP to an address selects the whole interface.
  const isOtherFamily = ({ interfaceName, family }: Link) =>
    bound?.interfaceName === interfaceName &&
    bound.address.includes(":") !== (family === 6);
  return all.filter((link) =>
    provider.mdns?.links.some((used) =>
      used.interface === link.interfaceName &&
      used.address.includes(":") === (link.family === 6)
    ) && !isOtherFamily(link)
  );
}

/** The manifest's URL at each address, and as announced on each link. */
function urlsToProbe(seen: Seen, links: readonly LinkView[]): Set<string> {
  const { provider, isLocal } = seen;
  if (provider === undefined) return new Set();
  const own = isLocal
    ? links.flatMap(({ link }) =>
      link.addresses.map(({ address }) => probeUrl(provider, address))
    )
    : [`${provider.url}${probePath(provider)}`];
  return new Set([
    ...own,
    ...links.flatMap((view) => urlsHeardOn(view, seen)),
  ]);
}

async function probeAll(
  urls: ReadonlySet<string>,
  machine: DoctorMachine,
  options: { readonly signal: AbortSignal },
): Promise<Map<string, HttpOutcome>> {
  return new Map(
    await Promise.all(
      [...urls].map(async (url) =>
        [url, await probe(url, machine, options)] as const
      ),
    ),
  );
}

async function probe(
  url: string,
  { get, clock }: DoctorMachine,
  { signal }: { readonly signal: AbortSignal },
): Promise<HttpOutcome> {
  const manifest = await fetchManifest(
    new URL(url),
    { httpGet: get, clock, timeoutMs: PROBE_TIMEOUT_MS },
    { signal },
  );
  return manifest.ok ? { kind: "served" } : outcomeOfRefusal(manifest.reason);
}
