import { isLoopbackAddress } from "../net/interfaces.ts";
import { httpBaseUrl } from "../net/ip_address.ts";
import { isStarting } from "./is_starting.ts";
import type { Observations } from "./observations.ts";
import type { DhtStatus } from "./provider_view.ts";

/** What has been observed so far. */
type Partly = Pick<
  Observations,
  | "provider"
  | "isLocal"
  | "addresses"
  | "providerAddresses"
  | "links"
  | "dht"
  | "host"
>;

/** What a program on this machine cannot check: one clause each. */
export function notLookedAt(
  seen: Partly,
  { bareInterfaces }: {
    /** Undefined: not permitted to look. */
    readonly bareInterfaces: readonly string[] | undefined;
  },
): string[] {
  const { provider, isLocal, providerAddresses, links, dht, host } = seen;
  const onHost = unseenOn(host);
  if (provider === undefined) return onHost;
  if (isStarting(seen)) return [STARTING, ...onHost];
  const outside = links.flatMap(({ link }) => link.addresses)
    .find(({ address }) => !isLoopbackAddress(address))?.address;
  const own = [
    ...isLocal && outside !== undefined
      ? [
        `whether this machine's firewall lets others in to TCP port ${provider.http.port}, since what it sends to itself passes: run plasmd doctor --url ${
          httpBaseUrl(outside, provider.http.port)
        } on another machine`,
      ]
      : [],
    ...isLocal && bareInterfaces === undefined
      ? [
        "interfaces without an address, which Deno shows with --allow-all only",
      ]
      : [],
  ];
  const isUnheard = !isLocal && provider.mdns !== null && links.length === 0;
  return [
    ...own,
    ...provider.mdns === null ? ["mDNS, which the provider has off"] : [],
    ...isUnheard
      ? [
        `mDNS, since this machine is on no link with ${
          providerAddresses[0] ?? "the provider"
        }: run it on one that is`,
      ]
      : [],
    ...!isLocal
      ? links.filter((view) => !view.isOwnCopyHeard).map(({ link, trouble }) =>
        `mDNS on ${link.interfaceName}: ${
          trouble?.message ?? "this machine's own firewall drops multicast"
        }`
      )
      : [],
    ...provider.dht === null ? ["the DHT, which the provider has off"] : [],
    ...provider.dht !== null && dht?.hasAnswer !== true
      ? [whyNoStranger(provider.dht)]
      : [],
    ...onHost,
  ];
}

const STARTING =
  "what the provider serves and announces, since it still reads its images: run this again once its log says Advertising";

function unseenOn(host: Observations["host"]): string[] {
  if (host === undefined) return [];
  const { images, limits, notLookedAt } = host;
  return [
    ...notLookedAt,
    ...images?.ok === true && images.value.whole.length > 0
      ? [
        "whether files are what checksums and owners' manifests say, which plasmd scan --verify reads",
      ]
      : [],
    ...limits === undefined
      ? [
        "how many files may be open and directories be watched, which Deno shows with --allow-all only",
      ]
      : [],
  ];
}

/** Why no other node was asked for an image. */
function whyNoStranger({ peerCount }: DhtStatus): string {
  const what = "whether strangers find the images in the DHT";
  return peerCount === 0
    ? `${what}, since the provider knows no other node: name one with --bootstrap`
    : `${what}, since no other node that the provider knows could be asked from here`;
}
