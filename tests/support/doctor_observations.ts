import { formatChannelArch } from "../../lib/core/channel_arch.ts";
import type { HostView } from "../../lib/doctor/host_view.ts";
import type {
  HeardInstance,
  Observations,
} from "../../lib/doctor/observations.ts";
import type {
  DhtStatus,
  ProviderView,
} from "../../lib/doctor/provider_view.ts";
import type { InterfaceAddress, Link } from "../../lib/net/interfaces.ts";
import { imageOf } from "./sample_images.ts";

/** An address in a subnet of 256. */
export function addressOn(
  interfaceName: string,
  address: string,
): InterfaceAddress {
  const prefixLength = address.includes(":") ? 64 : 24;
  return { interfaceName, address, prefixLength };
}

export const E0: Link = {
  interfaceName: "e0",
  family: 4,
  addresses: [addressOn("e0", "10.77.0.1")],
};

/** stable/arm64 of the host with an address, as mDNS has it. */
export function instanceAt(
  host: string,
  more: Partial<HeardInstance> = {},
): HeardInstance {
  const manifest = `manifest=http://${host}:8080/stable/arm64/manifest.json`;
  return {
    name: `phase-stable-arm64-${host}._phase-image._tcp.local`,
    txt: ["channel=stable", "arch=arm64", "version=1", manifest]
      .map((text) => new TextEncoder().encode(text)),
    host: "phase-lab.local",
    port: 8080,
    addresses: [host],
    source: host,
    ...more,
  };
}

/** When all of it is seen. */
export const NOW_MS = Date.parse("2026-12-01T12:00:00Z");

/** A provider of stable/arm64 that works on e0. */
export const PROVIDER: ProviderView = {
  name: "lab",
  version: "1.2.3",
  images: [imageOf("stable/arm64")],
  expired: [],
  missing: [],
  timeMs: NOW_MS,
  startedMs: NOW_MS - 3_600_000,
  signedBy: ["ed25519:ab"],
  warnings: [],
  http: { address: "0.0.0.0", port: 8080 },
  mdns: {
    interfaces: [],
    links: [{ interface: "e0", address: "10.77.0.1", state: "established" }],
  },
  dht: null,
};

/** What is seen of it on its own host, where all is well. */
export const HEALTHY: Observations & {
  readonly provider: NonNullable<Observations["provider"]>;
} = {
  isLocal: true,
  attempts: [{
    url: "http://127.0.0.1:8080",
    outcome: { kind: "served" },
  }],
  provider: { ...PROVIDER, url: "http://127.0.0.1:8080" },
  providerAddresses: ["127.0.0.1", "10.77.0.1"],
  foreignKernels: new Map(),
  addresses: [addressOn("lo", "127.0.0.1"), ...E0.addresses],
  passedOver: [],
  nowMs: NOW_MS,
  neighbours: [],
  host: undefined,
  dht: undefined,
  links: [{ link: E0, isOwnCopyHeard: true, heard: [instanceAt("10.77.0.1")] }],
  probes: new Map([[
    "http://10.77.0.1:8080/stable/arm64/manifest.json",
    { kind: "served" },
  ]]),
  notLookedAt: [],
};

/** What the settings lead to there. */
export const HEALTHY_HOST: HostView = {
  keys: [{ path: "/state/signing.key", keyId: "ed25519:ab" }],
  state: {
    path: "/state",
    isLocked: undefined,
    isOpenToOthers: false,
    freeBytes: 1e9,
  },
  ports: [],
  interfacesMissing: [],
  loaders: undefined,
  limits: { descriptors: 1_048_576, watches: 65_536 },
  notLookedAt: [],
};

/** The same from a neighbour, 10.77.0.9. */
export const FROM_NEIGHBOUR: typeof HEALTHY = {
  ...HEALTHY,
  isLocal: false,
  attempts: [{
    url: "http://10.77.0.1:8080",
    outcome: { kind: "served" },
  }],
  provider: { ...PROVIDER, url: "http://10.77.0.1:8080" },
  providerAddresses: ["10.77.0.1"],
  addresses: [addressOn("e0", "10.77.0.9")],
  links: [{
    link: { ...E0, addresses: [addressOn("e0", "10.77.0.9")] },
    isOwnCopyHeard: true,
    heard: [instanceAt("10.77.0.1")],
  }],
};

/** What such a provider says at `/status`, as far as it is read. */
export function statusOf(provider: ProviderView): object {
  const { images, expired, signedBy, dht, timeMs, startedMs } = provider;
  const year = 365 * 86_400_000;
  return {
    ...provider,
    time: new Date(timeMs).toISOString(),
    started_at: new Date(startedMs).toISOString(),
    images: images.map((image) => ({
      ...image,
      signed_by: signedBy,
      expires_at: new Date(
        timeMs + (expired.includes(formatChannelArch(image)) ? -year : year),
      ).toISOString(),
      advertised: (dht?.unpublished ?? [])
        .filter(({ name }) => name === formatChannelArch(image))
        .map(({ problem }) => ({ via: "DHT", published: false, problem })),
    })),
    dht: dht === null ? null : {
      peer_id: dht.peerId,
      peers: dht.peerCount,
      reachable: dht.isReachable ?? null,
      bootstrap: dht.bootstrap,
    },
  };
}

/** What a provider says of a node that others connect to. */
export const REACHED_NODE: DhtStatus = {
  peerId: "12D3KooWProvider",
  peerCount: 3,
  isReachable: true,
  bootstrap: [],
  unpublished: [],
};
