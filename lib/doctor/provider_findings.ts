import { formatChannelArch } from "../core/channel_arch.ts";
import { isLoopbackAddress } from "../net/interfaces.ts";
import type { Finding, FindingCode } from "./finding.ts";
import { isServed, outcomeText } from "./http_outcome.ts";
import { artifactsUnreadable, noSuchInterface } from "./host_findings.ts";
import { imageFindings } from "./image_findings.ts";
import type { HttpOutcome, LinkView, Observations } from "./observations.ts";
import { absentInterfaces } from "./passed_over.ts";
import { isProvidersOwn } from "./provider_services.ts";
import { probePath, type ProviderView, someOf } from "./provider_view.ts";

/**
 * Why no provider gave its status. If one is heard by mDNS with that port and
 * address, it is running, and something blocks its HTTP.
 */
export function providerIsSilent(seen: Observations): Finding[] {
  const { attempts, isLocal } = seen;
  const where = attempts.map(({ url }) => url);
  const [first] = attempts;
  if (first === undefined) return [];
  const { host, hostname, port } = new URL(first.url);
  const heardOn = linkHeardOn(seen);
  // One address may be silent while the others refuse.
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
      nextStep: `let TCP port ${port} in on ${
        isLocal ? "this machine" : hostname
      }, such as by: nft insert rule inet filter input tcp dport ${port} accept`,
    }];
  }
  return [{
    code: "no_provider",
    where,
    cause: `${said}: ${whyNone(outcome, isLocal)}`,
    nextStep: !isLocal
      ? "correct --url, or run plasmd doctor on that host"
      : outcome.kind === "silent"
      ? "see what its log says and restart it; nft list ruleset shows the firewall"
      : "start plasmd serve, or say where it serves with --url",
  }];
}

/** A link on which the provider is heard by mDNS, whatever its HTTP does. */
function linkHeardOn(seen: Observations): LinkView | undefined {
  return seen.links.find(({ heard }) =>
    heard.some((one) => isProvidersOwn(one, seen))
  );
}

/**
 * Whether a provider runs but does not answer: it is heard by mDNS, or its
 * state directory is in use while something listens on its port.
 */
export function isThereAndSilent(seen: Observations): boolean {
  const { attempts, host, provider } = seen;
  const kinds = attempts.map(({ outcome }) => outcome.kind);
  return provider === undefined && !kinds.includes("answered") &&
    (linkHeardOn(seen) !== undefined ||
      kinds.includes("silent") && host?.state?.isLocked === true);
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

/** There is no image to find. */
export function nothingIsServed({ provider }: Observations): Finding[] {
  if (provider === undefined || provider.images.length > 0) return [];
  const { missing } = provider;
  // Findings about why existing images are not offered already say it all.
  const causes = [...artifactsAreGone(provider), ...imagesOf(provider)];
  if (causes.length > 0) return [];
  return [{
    code: "nothing_served",
    where: [provider.url],
    cause: `the provider has no image${
      missing.length === 0 ? "" : `: ${someOf(missing)} missing`
    }`,
    nextStep: "plasmd scan says what lies in the directory and what is missing",
  }];
}

/** Every client refuses expired images, wherever it finds them. */
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

/** No machine that the image is meant for can start such a kernel. */
export function kernelsAreForeign(
  { foreignKernels }: Observations,
): Finding[] {
  return [...foreignKernels].map(([name, arch]) => ({
    code: "kernel_of_other_arch",
    where: [name],
    cause:
      `its kernel is made for ${arch}: machines that it is for do not start it`,
    nextStep: `put the right kernel there, or move the directory to ${
      name.split("/")[0]
    }/${arch}`,
  }));
}

function imagesOf(provider: ProviderView): Finding[] {
  const offered = provider.images.map(formatChannelArch);
  return imageFindings({ ...provider, offered });
}

/**
 * Provider warnings that affect clients now or later, matched by their text,
 * with the next step if the text has none.
 */
const FELT_WARNINGS: readonly (readonly [FindingCode, RegExp, string?])[] = [
  ["expired", /^The trust document .* expired at \d{4}-/],
  ["expires_soon", / expires at \d{4}-/],
  ["identity_copied", /^Another machine has this one's DHT identity/],
  ["signer_not_trusted", /^Boxes that follow trust document \d+ refuse/],
  [
    "trust_not_served",
    /^Ignoring ".*\/trust\/\d+\.json": |; no trust document is served$/,
    "put the document there as plasmd trust sign made it: plasmd trust verify says what is wrong with it",
  ],
];

/** What only the provider itself knows, from its warnings. */
export function whatProviderWarnsOf({ provider }: Observations): Finding[] {
  if (provider === undefined) return [];
  const { warnings, url } = provider;
  return [
    ...artifactsAreGone(provider),
    ...imagesOf(provider),
    ...FELT_WARNINGS.flatMap(([code, pattern, remedy = ""]) =>
      warnings.filter((warning) => pattern.test(warning)).map((warning) => {
        const [cause = warning, ...next] = warning.split("; ");
        const nextStep = remedy || next.join("; ");
        return { code, where: [url], cause, nextStep };
      })
    ),
  ];
}

/** The image directory, according to the provider's last look at it. */
function artifactsAreGone({ warnings }: ProviderView): Finding[] {
  return warnings.flatMap((warning) => {
    const [, path, message] =
      /^Cannot scan the artifacts directory "(.+?)": (.+?)\. Create it/
        .exec(warning) ?? [];
    if (path === undefined || message === undefined) return [];
    const kind = message.endsWith("permission denied") ? "forbidden" : "absent";
    return [artifactsUnreadable({ path, kind, message })];
  });
}

/** Images are advertised neither on the LAN nor in the DHT. */
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

/** The provider uses only loopback, or no interface, without being told to. */
export function loopbackIsAllThereIs(
  { provider, isLocal, addresses, passedOver }: Observations,
): Finding[] {
  if (provider === undefined || provider.mdns === null) return [];
  const { interfaces, links } = provider.mdns;
  const named = interfaces.filter((name) => !name.startsWith("!"));
  const isLoopbackAlone = links.every(({ address }) =>
    isLoopbackAddress(address)
  );
  const uses = links.length === 0 ? "no interface" : "loopback alone";
  if (links.length === 0 && named.length > 0) {
    return [noSuchInterface(named, `the provider uses ${uses}`)];
  }
  if (!isLoopbackAlone || named.length > 0) {
    const absent = isLocal ? absentInterfaces(addresses, named) : [];
    return absent.length === 0
      ? []
      : [noSuchInterface(absent, "the provider uses the others alone")];
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

/** Its status can be fetched from another machine, but no manifest can. */
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
