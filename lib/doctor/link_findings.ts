import { formatChannelArch } from "../core/channel_arch.ts";
import { isOnLink, type Link, selectLinks } from "../net/interfaces.ts";
import { addressBytes } from "../net/ip_address.ts";
import { describeLink } from "../net/mdns/links.ts";
import type { Finding } from "./finding.ts";
import { isServed, outcomeText } from "./http_outcome.ts";
import type { LinkView, Observations } from "./observations.ts";
import { servicesHeardOn, urlsHeardOn } from "./provider_services.ts";
import { probeUrl, someOf } from "./provider_view.ts";

/** What is known once a provider has given its status. */
export interface SeenProvider extends Observations {
  readonly provider: NonNullable<Observations["provider"]>;
}

type LinkCheck = (view: LinkView, seen: SeenProvider) => Finding[];

/**
 * Each group asks one question about a link of the provider's own machine; the
 * first check that yields a finding names the cause.
 */
const OWN_LINK_CHECKS: readonly (readonly LinkCheck[])[] = [
  [portIsHeld, multicastIsNotSent, multicastIsDropped],
  [httpIsBoundElsewhere, httpDoesNotAnswer],
];

/** Checks of what clients are told, if nothing above keeps it from them. */
const TOLD_CHECKS: readonly LinkCheck[] = [
  announcementIsMissing,
  addressIsOffLink,
  urlDoesNotAnswer,
];

/** What is wrong on one link. */
export function linkFindings(view: LinkView, seen: SeenProvider): Finding[] {
  const own = seen.isLocal
    ? OWN_LINK_CHECKS.flatMap((group) => firstOf(group, view, seen))
    : [];
  // A machine that does not even hear itself can say nothing about others.
  if (own.length > 0 || !view.isOwnCopyHeard) return own;
  return firstOf(TOLD_CHECKS, view, seen);
}

function firstOf(
  checks: readonly LinkCheck[],
  view: LinkView,
  seen: SeenProvider,
): Finding[] {
  for (const check of checks) {
    const findings = check(view, seen);
    if (findings.length > 0) return findings;
  }
  return [];
}

function portIsHeld({ link, trouble }: LinkView): Finding[] {
  return trouble?.isPortHeld !== true ? [] : [{
    code: "mdns_port_held",
    where: [describeLink(link)],
    cause:
      `another program holds UDP port 5353 for itself (IPv${link.family}): mDNS is neither heard nor answered`,
    nextStep:
      "find it with: ss -ulpn sport = :5353; stop it, or have it share the port (avahi: disallow-other-stacks=no)",
  }];
}

function multicastIsNotSent({ link, trouble }: LinkView): Finding[] {
  return trouble === undefined ? [] : [{
    code: "multicast_not_sent",
    where: [describeLink(link)],
    cause: `multicast to UDP port 5353 cannot be sent: ${trouble.message}`,
    nextStep:
      "let UDP port 5353 out of this machine's firewall (nft list ruleset), and see whether the link is up (ip link)",
  }];
}

function multicastIsDropped({ link, isOwnCopyHeard }: LinkView): Finding[] {
  return isOwnCopyHeard ? [] : [{
    code: "multicast_dropped",
    where: [describeLink(link)],
    cause:
      "what is multicast to UDP port 5353 does not come back to this machine, as it does without a firewall: its firewall drops it, and questions of clients alike",
    nextStep:
      "let UDP port 5353 in, such as by: nft insert rule inet filter input udp dport 5353 accept (firewalld: firewall-cmd --add-service=mdns)",
  }];
}

function httpIsBoundElsewhere(
  { link }: LinkView,
  { provider, probes, addresses }: SeenProvider,
): Finding[] {
  const { address: bound } = provider.http;
  const { interfaceName } = link;
  const boundHere = addresses.filter((own) =>
    own.interfaceName === interfaceName && own.address === bound
  );
  const left = link.addresses.filter(({ address }) =>
    !isServed(probes.get(probeUrl(provider, address))) &&
    !isCovered(address, bound) &&
    // Clients on that subnet are told the address that is served.
    !isOnLink(address, { ...link, addresses: boundHere })
  );
  return left.length === 0 ? [] : [{
    code: "http_bound_elsewhere",
    where: left.map(({ address }) => `${interfaceName} ${address}`),
    cause:
      `HTTP listens on ${bound} alone: no client of this link gets an image from here`,
    nextStep: bound === "0.0.0.0"
      ? "restart plasmd, which listens on IPv6 where there is an address at its start"
      : "start plasmd without --bind or with an address of this link, or leave the link out with --interface",
  }];
}

function httpDoesNotAnswer(
  { link }: LinkView,
  { provider, probes }: SeenProvider,
): Finding[] {
  const { address: bound, port } = provider.http;
  return link.addresses.filter(({ address }) => isCovered(address, bound))
    .flatMap(({ address }) => {
      const url = probeUrl(provider, address);
      const outcome = probes.get(url);
      return outcome === undefined || isServed(outcome) ? [] : [{
        code: "http_no_answer",
        where: [url],
        cause: `${address} ${outcomeText(outcome)}, though HTTP listens there`,
        nextStep: outcome.kind === "answered"
          ? "the log of plasmd says why"
          : `let TCP port ${port} in on this machine: nft list ruleset shows its firewall`,
      }];
    });
}

function announcementIsMissing(view: LinkView, seen: SeenProvider): Finding[] {
  const { provider, isLocal } = seen;
  const { link } = view;
  const heard = new Set(
    servicesHeardOn(view, seen).map(({ image }) => formatChannelArch(image)),
  );
  const names = provider.images.map(formatChannelArch);
  const unheard = names.filter((name) => !heard.has(name));
  if (unheard.length === 0) return [];
  return [{
    code: isLocal ? "not_announced" : "not_heard",
    where: [describeLink(link)],
    cause: `${someOf(unheard)} not heard by mDNS, ${
      whatProviderSays(link, seen)
    }`,
    nextStep: isLocal
      ? "run this again in some seconds; then see the log of plasmd"
      : `let UDP port 5353 in on ${
        new URL(provider.url).hostname
      }, and see whether switches in between filter multicast (IGMP snooping)`,
  }];
}

function whatProviderSays(
  link: Link,
  { provider, isLocal }: SeenProvider,
): string {
  const used = provider.mdns?.links.find((one) =>
    isLocal
      ? one.interface === link.interfaceName &&
        one.address.includes(":") === (link.family === 6)
      : isOnLink(one.address, link)
  );
  if (used === undefined) return "and the provider does not use this link";
  switch (used.state) {
    case "established":
      return "though the provider says that it answers there";
    case "probing":
      return "since the provider is still claiming its names";
    case "idle":
      return "since the provider has nothing to say there";
    default:
      return `since the provider cannot use it: ${used.reason ?? used.state}`;
  }
}

function addressIsOffLink(view: LinkView, seen: SeenProvider): Finding[] {
  const { link } = view;
  const { interfaceName } = link;
  const ofInterface = selectLinks(seen.addresses, [interfaceName]);
  return urlsHeardOn(view, seen).flatMap((url) => {
    const { origin, hostname } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, "");
    const isAddress = addressBytes(host) !== undefined;
    if (!isAddress || ofInterface.some((one) => isOnLink(host, one))) return [];
    const own = seen.isLocal
      ? seen.addresses.find(({ address }) => address === host)
      : undefined;
    const outcome = seen.probes.get(url);
    // This machine always reaches its own addresses; others may need a router.
    if (own === undefined && isServed(outcome)) return [];
    const seenHere = own === undefined
      ? `and ${outcomeText(outcome)}`
      : `but on ${own.interfaceName} of this machine`;
    return [{
      code: "address_off_link",
      where: [describeLink(link)],
      cause:
        `clients are told ${origin}, which is on no subnet of this link, ${seenHere}`,
      nextStep:
        "correct --advertise-url, or see to it that a router leads there",
    }];
  });
}

function urlDoesNotAnswer(view: LinkView, seen: SeenProvider): Finding[] {
  return urlsHeardOn(view, seen).flatMap((url) => {
    const outcome = seen.probes.get(url);
    return isServed(outcome) ? [] : [{
      code: "url_no_answer",
      where: [describeLink(view.link)],
      cause: `clients are told ${url}, and ${new URL(url).host} ${
        outcomeText(outcome)
      }`,
      nextStep:
        "correct --advertise-url, or let clients in there, in its firewall and whatever else is on the way",
    }];
  });
}

/** Whether a server bound to one address answers at another. */
export function isCovered(address: string, bound: string): boolean {
  return bound === address || bound === "::" ||
    (bound === "0.0.0.0" && !address.includes(":"));
}
