import { formatChannelArch } from "../core/channel_arch.ts";
import { describeLink } from "../net/mdns/links.ts";
import { type Finding, pageOf } from "./finding.ts";
import type { LinkView, Observations } from "./observations.ts";
import { servicesHeardOn } from "./provider_services.ts";

/** What `plasmd doctor --json` prints. */
export interface DoctorDocument {
  /** Null: no provider answered. */
  readonly provider: null | {
    readonly url: string;
    readonly name: string;
    readonly version: string;
  };
  /** Whether it is on this machine. */
  readonly is_local: boolean;
  /** What a client on each link hears of it. */
  readonly links: readonly {
    readonly interface: string;
    readonly addresses: readonly string[];
    /** Whether multicast gets through this machine's firewall. */
    readonly multicast: boolean;
    readonly heard: readonly {
      readonly channel: string;
      readonly arch: string;
      readonly manifest_url: string;
    }[];
  }[];
  /** Interfaces that the provider does not use. */
  readonly passed_over: readonly {
    readonly interface: string;
    readonly addresses: readonly string[];
    readonly reason: string;
  }[];
  /** One clause each. */
  readonly not_looked_at: readonly string[];
  /** What the provider itself says is wrong: one clause each. */
  readonly warnings: readonly string[];
  /** Empty: nothing was found that keeps clients from the images. */
  readonly findings: readonly {
    readonly code: string;
    readonly where: readonly string[];
    readonly cause: string;
    readonly next_step: string;
    /** Where the documentation explains it. */
    readonly page: string;
  }[];
}

/** The report for programs. */
export function doctorDocument(
  seen: Observations,
  findings: readonly Finding[],
): DoctorDocument {
  const { provider } = seen;
  return {
    provider: provider === undefined ? null : {
      url: provider.url,
      name: provider.name,
      version: provider.version,
    },
    is_local: seen.isLocal,
    links: seen.links.map((view) => ({
      interface: view.link.interfaceName,
      addresses: view.link.addresses.map(({ address }) => address),
      multicast: view.isOwnCopyHeard,
      heard: servicesHeardOn(view, seen).map(({ image, manifestUrls }) => ({
        ...image,
        manifest_url: manifestUrls[0].href,
      })),
    })),
    passed_over: seen.passedOver.map(({ interfaceName, ...rest }) => ({
      interface: interfaceName,
      ...rest,
    })),
    not_looked_at: seen.notLookedAt,
    warnings: provider?.warnings ?? [],
    findings: findings.map(({ nextStep, ...finding }) => ({
      ...finding,
      next_step: nextStep,
      page: pageOf(finding.code),
    })),
  };
}

/** The report for people. */
export function doctorLines(
  seen: Observations,
  findings: readonly Finding[],
): string[] {
  const { provider } = seen;
  return [
    provider === undefined
      ? "provider  none answers"
      : `provider  ${provider.name}  ${provider.url}  plasmd ${provider.version}`,
    ...seen.links.map((view) => linkLine(view, seen)),
    ...seen.passedOver.map(({ interfaceName, addresses, reason }) =>
      `unused    ${[interfaceName, ...addresses].join(" ")}: ${reason}`
    ),
    ...provider?.warnings.map((warning) => `warning   ${warning}`) ?? [],
    ...seen.notLookedAt.map((what) => `unseen    ${what}`),
    ...findings.flatMap(({ code, where, cause, nextStep }) => [
      `FINDING   ${code}  ${where.join(", ")}`,
      `          cause: ${cause}`,
      `          next:  ${nextStep}`,
      `          see:   ${pageOf(code)}`,
    ]),
    findings.length === 0
      ? "Nothing was found that keeps clients from the images"
      : `${findings.length} finding${findings.length === 1 ? "" : "s"}`,
  ];
}

function linkLine(view: LinkView, seen: Observations): string {
  const services = servicesHeardOn(view, seen);
  const names = services.map(({ image, manifestUrls: [best] }) =>
    `${formatChannelArch(image)} at ${best.origin}`
  );
  const [first] = names;
  const heard = first === undefined
    ? "hears nothing of it"
    : `hears ${first}${
      names.length > 1 ? ` and ${names.length - 1} more` : ""
    }`;
  return `link      ${describeLink(view.link)}  a client ${heard}`;
}
