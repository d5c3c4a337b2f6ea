import {
  type ChannelArch,
  formatChannelArch,
  manifestPath,
  parseChannelArch,
} from "../core/channel_arch.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type {
  ImageStatusDocument,
  StatusDocument,
} from "../http/status/status_json.ts";
import { addressBytes, httpBaseUrl } from "../net/ip_address.ts";

/** What a provider reports about its DHT node. */
export interface DhtStatus {
  /** Base58. */
  readonly peerId: string;
  /** How many other nodes it knows. */
  readonly peerCount: number;
  /** Whether others can connect to it; undefined: not yet known. */
  readonly isReachable: boolean | undefined;
  /** Its bootstrap nodes, and why it cannot join through them. */
  readonly bootstrap: readonly {
    readonly address: string;
    readonly state: string;
    readonly reason: string | undefined;
  }[];
  /** Images that it reports as not found in the DHT, and why, if known. */
  readonly unpublished: readonly {
    readonly name: string;
    readonly problem: string | undefined;
  }[];
}

/** What a provider reports about itself, as far as it matters here. */
export interface ProviderView {
  /** Its display name. */
  readonly name: string;
  /** The version of the software. */
  readonly version: string;
  /** Its clock at the time of asking: milliseconds since 1970. */
  readonly timeMs: number;
  /** When it started, on the same clock. */
  readonly startedMs: number;
  /** What it serves. */
  readonly images: readonly ChannelArch[];
  /** Which of them have expired by its own clock: clients refuse them. */
  readonly expired: readonly string[];
  /** Images that it expects but does not have: `stable/arm64`. */
  readonly missing: readonly string[];
  /** The ids of all keys that signed what it serves. */
  readonly signedBy: readonly string[];
  /** Its warnings: one clause each. */
  readonly warnings: readonly string[];
  /** Where it listens. */
  readonly http: StatusDocument["http"];
  /** Where it answers mDNS; null when that is off. */
  readonly mdns: StatusDocument["mdns"];
  /** Its DHT node; null if it has none. */
  readonly dht: DhtStatus | null;
}

/**
 * Reads a provider's `/status`.
 *
 * @param text the answer, untrusted
 * @returns a reason if it is not from a provider of this version
 */
export function readProviderView(text: string): Result<ProviderView> {
  try {
    // A missing member throws a TypeError; the others are converted or checked.
    const status: StatusDocument = JSON.parse(text);
    const { http, mdns, dht } = status;
    const images = status.images.map(({ channel, arch }) => {
      const image = parseChannelArch(channel, arch);
      if (!image.ok) throw new TypeError(image.reason);
      return image.value;
    });
    const [address = ""] = http.address.split("%");
    if (addressBytes(address) === undefined) throw new TypeError("http");
    if (!Number.isInteger(http.port)) throw new TypeError("http");
    return ok({
      name: String(status.name),
      version: String(status.version),
      timeMs: timeOf(status.time),
      startedMs: timeOf(status.started_at),
      images,
      expired: status.images.filter(({ expires_at }) =>
        Date.parse(expires_at) <= Date.parse(status.time)
      ).map(formatChannelArch),
      missing: status.missing.map(String),
      signedBy: status.images.flatMap(({ signed_by }) => signed_by.map(String)),
      warnings: status.warnings.map(String),
      http: { address: http.address, port: http.port },
      mdns: mdns === null ? null : {
        interfaces: mdns.interfaces.map(String),
        links: mdns.links.map((link) => ({
          interface: String(link.interface),
          address: String(link.address),
          state: link.state,
          ...link.reason !== undefined && { reason: String(link.reason) },
        })),
      },
      dht: dht === null ? null : dhtStatus(dht, status.images),
    });
  } catch {
    return refuse("no status of a plasmd of this version");
  }
}

function timeOf(text: string): number {
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw new TypeError("time");
  return timeMs;
}

function dhtStatus(
  dht: NonNullable<StatusDocument["dht"]>,
  images: readonly ImageStatusDocument[],
): DhtStatus {
  return {
    peerId: String(dht.peer_id),
    peerCount: Number(dht.peers),
    isReachable: dht.reachable ?? undefined,
    bootstrap: dht.bootstrap.map(({ address, state, reason }) => ({
      address: String(address),
      state: String(state),
      reason: reason === undefined ? undefined : String(reason),
    })),
    unpublished: images.flatMap((image) =>
      image.advertised.filter(({ via, published }) =>
        via === "DHT" && !published
      ).map(({ problem }) => ({
        name: formatChannelArch(image),
        problem: problem === undefined ? undefined : String(problem),
      }))
    ),
  };
}

/** The path to fetch to test whether HTTP works. */
export function probePath({ images: [image] }: ProviderView): string {
  return image === undefined ? "/status" : manifestPath(image);
}

/** The URL of that path at an address of the provider's machine. */
export function probeUrl(provider: ProviderView, address: string): string {
  return `${httpBaseUrl(address, provider.http.port)}${probePath(provider)}`;
}

/** Names of images: `stable/arm64, testing/arm64 and 3 more`. */
export function someOf(names: readonly string[]): string {
  const more = names.length - 3;
  return more > 0
    ? `${names.slice(0, 3).join(", ")} and ${more} more`
    : names.join(", ");
}
