import { BoundedMap } from "../core/bounded_map.ts";
import {
  type ChannelArch,
  formatChannelArch,
  sameImage,
} from "../core/channel_arch.ts";
import type { DnsName } from "../net/dns/name.ts";
import type { Link } from "../net/interfaces.ts";
import type { ServiceRecords } from "../net/mdns/querier.ts";
import { type FoundService, readService } from "../wire/image_service.ts";
import { peerIdOf } from "../wire/image_txt.ts";
import type { Candidate, Finding } from "./source.ts";

/**
 * How many different things are reported from one host, and from how many
 * hosts: more than honest networks have, while a flood from one host leaves
 * room for the others. Images other than the wanted one, of which a provider
 * may have thousands, are counted apart: they only tell what else is offered.
 */
const MAX_TOLD_PER_HOST = 100;
const MAX_HOSTS = 1000;
const MAX_PROBLEMS = 20;

/**
 * Picks what is new out of what providers on the LAN announce during one
 * search.
 */
export class HeardServices {
  readonly #image: ChannelArch;
  readonly #told = new Set<string>();
  /** How many of them, by the address of the host that said so first. */
  readonly #toldOf = new BoundedMap<string, number>(MAX_HOSTS, "refuse");
  readonly #othersOf = new BoundedMap<string, number>(MAX_HOSTS, "refuse");
  /** Hosts that announced more than that. */
  readonly #ignored = new Set<string>();
  #problemsTold = 0;

  /**
   * Starts without anything heard.
   *
   * @param image the image that is searched for
   */
  constructor(image: ChannelArch) {
    this.#image = image;
  }

  /**
   * Takes in the records of a service instance, and returns what is new.
   *
   * @param link where it was heard
   */
  hear(instance: DnsName, records: ServiceRecords, link: Link): Finding[] {
    const service = readService(records, link);
    const problem = service.ok ? service.value.problem : service.reason;
    const ignored = this.#ignored.size;
    const findings = [
      ...problem === undefined
        ? []
        : this.#tellProblem(`mdns ${instance}: ${problem}`, records),
      ...service.ok ? this.#tell(service.value, records.source) : [],
    ];
    return this.#ignored.size === ignored ? findings : [...findings, {
      kind: "problem",
      message:
        `mdns ${records.source}: says more than ${MAX_TOLD_PER_HOST} different things, the rest is ignored: further providers are not considered`,
    }];
  }

  #tell(service: FoundService, source: string): Finding[] {
    const findings: Finding[] = [];
    const { p2pAddress, image, version, manifestUrls } = service;
    if (
      p2pAddress !== undefined && this.#isNews(`peer ${p2pAddress}`, source)
    ) {
      findings.push({ kind: "peer", multiaddr: p2pAddress });
    }
    if (!sameImage(image, this.#image)) {
      const name = `other ${formatChannelArch(image)}`;
      if (this.#isNews(name, source, this.#othersOf)) {
        findings.push({ kind: "other", image });
      }
    } else if (
      this.#isNews(`found ${version} ${urlsInOneOrder(manifestUrls)}`, source)
    ) {
      findings.push({ kind: "candidate", candidate: candidateOf(service) });
    }
    return findings;
  }

  #tellProblem(message: string, { source }: ServiceRecords): Finding[] {
    if (this.#problemsTold >= MAX_PROBLEMS) return [];
    if (!this.#isNews(message, source)) return [];
    this.#problemsTold++;
    return [{ kind: "problem", message }];
  }

  #isNews(what: string, source: string, toldOf = this.#toldOf): boolean {
    const count = toldOf.get(source) ?? 0;
    if (this.#told.has(what)) return false;
    if (count >= MAX_TOLD_PER_HOST) {
      if (toldOf === this.#toldOf) this.#ignored.add(source);
      return false;
    }
    if (!toldOf.set(source, count + 1)) return false;
    this.#told.add(what);
    return true;
  }
}

/** However the further addresses are shuffled. */
function urlsInOneOrder(
  [best, ...others]: FoundService["manifestUrls"],
): string {
  return [best.href, ...others.map(String).sort()].join(" ");
}

function candidateOf(
  { image, version, manifestUrls, providerName, p2pAddress }: FoundService,
): Candidate {
  const peerId = p2pAddress === undefined ? undefined : peerIdOf(p2pAddress);
  const [manifestUrl, ...otherUrls] = manifestUrls;
  return {
    image,
    manifestUrl,
    version,
    source: "mdns",
    ...otherUrls.length > 0 && { otherUrls },
    ...providerName !== undefined && { providerName },
    ...peerId !== undefined && { peerId },
  };
}
