import { formatChannelArch } from "../core/channel_arch.ts";
import { isLoopbackAddress } from "../net/interfaces.ts";
import type { Finding, FindingCode } from "./finding.ts";
import { isServed, outcomeText } from "./http_outcome.ts";
import { imageFindings } from "./image_findings.ts";
import type { HttpOutcome, Observations } from "./observations.ts";
import { isProvidersOwn } from "./provider_services.ts";
import { probePath, type ProviderView, someOf } from "./provider_view.ts";

/**
 * Why no provider gave its status. One that is heard by mDNS with that port and
 * address is there: then something keeps its HTTP from us.
 */
export function providerIsSilent(seen: Observations): Finding[] {
  const { attempts, isLocal, links } = seen;
  const where = attempts.map(({ url }) => url);
  const [first] = attempts;
  if (first === undefined) return [];
  const { host, hostname, port } = new URL(first.url);
  const heardOn = links.find(({ heard }) =>
    heard.some((one) => isProvidersOwn(one, seen))
  );
  // One address may be silent where the others refuse.
  const { url, outcome } =
    attempts.find(({ outcome }) => outcome.kind !== "refused") ?? first;
  const said = `${new URL(url).host} ${outcomeText(outcome)}`;
  if (heardOn !== undefined && outcome.kind !== "answered") {
    return [{
      code: "http_blocked",
      where,
      cause:
        `a provider announces ${host} by mDNS on ${heardOn.link.interfaceName}, and ${said}: a firewall ${
          outcome.kind === "silent" ? "drops" : "rejects"
        } TCP port ${port}`,
      nextStep:
        `let TCP port ${port} in on ${hostname}, such as by: nft insert rule inet filter input tcp dport ${port} accept`,
    }];
  }
  return [{
    code: "no_provider",
    where,
    cause: `${said}: ${whyNone(outcome, isLocal)}`,
    nextStep: isLocal
      ? "start plasmd serve, or say where it serves with --url"
      : "correct --url, or run plasmd doctor on that host",
  }];
}

function whyNone({ kind }: HttpOutcome, isLocal: boolean): string {
  if (kind === "answered") {
    return "another program, or an older one, serves there";
  }
  if (kind === "silent") {
    return isLocal
      ? "what serves there hangs, or a firewall of this machine drops it"
      : "nor is it heard by mDNS: the host is off or elsewhere, or a firewall drops everything";
  }
  return isLocal
    ? "no plasmd serves on this machine at that port"
    : "nor is it heard by mDNS: no plasmd serves there, or it listens on another address or port";
}

/** There is nothing to be found. */
export function nothingIsServed({ provider }: Observations): Finding[] {
  if (provider === undefined || provider.images.length > 0) return [];
  const { missing } = provider;
  // What keeps those from being offered that are there says it all.
  if (imagesOf(provider).length > 0) return [];
  return [{
    code: "nothing_served",
    where: [provider.url],
    cause: `the provider has no image${
      missing.length === 0 ? "" : `: ${someOf(missing)} missing`
    }`,
    nextStep: "plasmd scan says what lies in the directory and what is missing",
  }];
}

/** Every client refuses these, wherever it finds them. */
export function imagesHaveExpired({ provider }: Observations): Finding[] {
  if (provider === undefined || provider.expired.length === 0) return [];
  return [{
    code: "expired",
    where: [provider.url],
    cause: `the manifests of ${
      someOf(provider.expired)
    } have expired: clients refuse them`,
    nextStep:
      "sign them anew with plasmd manifest renew where their key is; see whether the provider's clock is right",
  }];
}

function imagesOf(provider: ProviderView): Finding[] {
  const offered = provider.images.map(formatChannelArch);
  return imageFindings({ ...provider, offered });
}

/** Warnings of a provider that clients feel, now or later, by its own words. */
const FELT_WARNINGS: readonly (readonly [FindingCode, RegExp])[] = [
  ["expires_soon", / expires at \d{4}-/],
  ["identity_copied", /^Another machine has this one's DHT identity/],
];

/** What the provider knows itself, and strangers do not see. */
export function whatProviderWarnsOf({ provider }: Observations): Finding[] {
  if (provider === undefined) return [];
  const { warnings, url } = provider;
  return [
    ...imagesOf(provider),
    ...FELT_WARNINGS.flatMap(([code, pattern]) =>
      warnings.filter((warning) => pattern.test(warning)).map((warning) => {
        const [cause = warning, ...next] = warning.split("; ");
        return { code, where: [url], cause, nextStep: next.join("; ") };
      })
    ),
  ];
}

/** Neither the LAN nor a DHT is told. */
export function nothingIsAdvertised({ provider }: Observations): Finding[] {
  if (provider === undefined) return [];
  if (provider.mdns !== null || provider.dht !== null) return [];
  return [{
    code: "nothing_advertised",
    where: [provider.url],
    cause: "mDNS and the DHT are off: only who is told the URL finds an image",
    nextStep: "start plasmd without --no-mdns or --no-dht",
  }];
}

/** The provider uses loopback, or nothing, though it was not told to. */
export function loopbackIsAllThereIs(
  { provider, isLocal, passedOver }: Observations,
): Finding[] {
  if (provider === undefined || provider.mdns === null) return [];
  const { interfaces, links } = provider.mdns;
  const isLoopbackAlone = links.every(({ address }) =>
    isLoopbackAddress(address)
  );
  const wasAskedFor = interfaces.length > 0 && links.length > 0;
  if (!isLoopbackAlone || wasAskedFor) return [];
  const uses = links.length === 0 ? "no interface" : "loopback alone";
  if (interfaces.length > 0) {
    return [{
      code: "no_such_interface",
      where: [...interfaces],
      cause: `the provider uses ${uses}: no interface "${
        interfaces.join('", "')
      }" with an address`,
      nextStep: "correct --interface, or give that interface an address",
    }];
  }
  const others = passedOver.map(({ interfaceName, addresses, reason }) =>
    `${[interfaceName, ...addresses].join(" ")} is passed over: ${reason}`
  );
  const noOther = isLocal
    ? "no other interface has an address"
    : "see what it passes over with plasmd doctor on that host";
  return [{
    code: "no_lan_address",
    where: [provider.url],
    cause: `the provider uses ${uses}, which leads to no other machine; ${
      others.join("; ") || noOther
    }`,
    nextStep:
      "give the interface of the LAN an IPv4 address (did DHCP work?), or name the one to use with --interface",
  }];
}

/** Its status can be fetched from elsewhere, but no manifest can. */
export function manifestIsNotServed(
  { provider, isLocal, probes }: Observations,
): Finding[] {
  if (provider === undefined || isLocal) return [];
  const url = `${provider.url}${probePath(provider)}`;
  const outcome = probes.get(url);
  if (isServed(outcome)) return [];
  return [{
    code: "http_no_answer",
    where: [url],
    cause: `${new URL(url).host} ${outcomeText(outcome)} for the manifest`,
    nextStep: "the log of plasmd says why",
  }];
}
