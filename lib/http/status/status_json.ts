import { formatChannelArch, manifestPath } from "../../core/channel_arch.ts";
import type { MachineState } from "../../machines/machine_steps.ts";
import type { JoinState } from "../../net/dht/join_state.ts";
import type { PeerContact } from "../../net/dht/peer_contacts.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import type { TransferCounts, TransferState } from "../artifacts/transfers.ts";
import type {
  AdvertisementStatus,
  LinkStatus,
  MirrorStatus,
  Release,
} from "./provider_status.ts";
import {
  type DhtPublishingDocument,
  publishingJson,
} from "./publishing_json.ts";
import type { RequestCount } from "./request_counts.ts";
import {
  advertisementsOf,
  newestTrust,
  readiness,
  type Snapshot,
} from "./snapshot.ts";

/** What `/status` says, as `plasmd status` and other programs read it. */
export interface StatusDocument {
  /** What people see the provider by. */
  readonly name: string;
  /** The version of the software. */
  readonly version: string;
  /** When it was asked; like all times here, ISO 8601 in UTC. */
  readonly time: string;
  readonly started_at: string;
  /** Whether clients can be sent there. */
  readonly ready: boolean;
  /** What is served. */
  readonly images: readonly ImageStatusDocument[];
  /** Images that are expected and not there: `stable/arm64`. */
  readonly missing: readonly string[];
  /** The newest trust document that is handed on; null: there is none. */
  readonly trust: null | {
    readonly trust_version: number;
    /** Null: never. */
    readonly expires_at: string | null;
  };
  /** What is wrong at the moment. */
  readonly warnings: readonly string[];
  /** How the slow reading of everything again stands. */
  readonly scrub: {
    /** When all had been read last; null before. */
    readonly last_full_pass_at: string | null;
    /** Bytes of the current pass, or of the last one. */
    readonly done_bytes: number;
    /** The same. */
    readonly total_bytes: number;
    /** Files that had another content than was promised, since the start. */
    readonly differing: number;
  };
  /** Image by image how a mirror stands; null: it is none. */
  readonly mirror: readonly MirrorDocument[] | null;
  /** The socket that HTTP listens on, as the provider's own host sees it. */
  readonly http: { readonly address: string; readonly port: number };
  /** Where mDNS answers; null when it is off. */
  readonly mdns: null | {
    /** The configured interfaces; none: the usual ones. */
    readonly interfaces: readonly string[];
    readonly links: readonly LinkDocument[];
  };
  /** The DHT node; null when it is off. */
  readonly dht: null | {
    readonly peer_id: string;
    readonly peers: number;
    /** Whether others can connect to it; null: not known yet. */
    readonly reachable: boolean | null;
    /** The nodes to join through. */
    readonly bootstrap: readonly BootstrapDocument[];
    /** How publishing is getting on; null: nothing is published. */
    readonly publishing: DhtPublishingDocument | null;
  };
  /** Downloads since the start. */
  readonly downloads: Omit<TransferCounts, "sentBytes"> & {
    readonly sent_bytes: number;
    readonly recent: readonly DownloadDocument[];
  };
  /** Machines that boot, the one heard of last first. */
  readonly machines: readonly MachineDocument[];
  /** Answers since the start. */
  readonly requests: readonly RequestCount[];
}

/** An image of a mirror in a StatusDocument. */
export interface MirrorDocument {
  /** Such as `stable`. */
  readonly channel: string;
  /** Such as `arm64`. */
  readonly arch: string;
  /** What it does at the moment. */
  readonly activity: MirrorStatus["activity"];
  /** What it has whole; null: nothing yet. */
  readonly has: ReleaseDocument | null;
  /** The newest that was found; null: none was. */
  readonly newest: ReleaseDocument | null;
  /** Since when it knows of a newer one than it has; null: of none. */
  readonly behind_since: string | null;
  /** When another provider was found last; null before. */
  readonly last_found_at: string | null;
  /** When others are asked again; null: now. */
  readonly next_ask_at: string | null;
  /** How much of the newest is here while it is fetched; null: it is not. */
  readonly fetched: null | {
    readonly done_bytes: number;
    readonly total_bytes: number;
  };
  /** Why it does not have the newest, or does not know it; null: nothing. */
  readonly problem: string | null;
}

/** A release in a StatusDocument. */
export interface ReleaseDocument {
  /** As people call it. */
  readonly version: string;
  /** Tells newer manifests from older ones. */
  readonly manifest_version: number;
}

/** A network interface in a StatusDocument. */
export interface LinkDocument extends Omit<LinkStatus, "interfaceName"> {
  /** Its name. */
  readonly interface: string;
}

/** A bootstrap node in a StatusDocument. */
export interface BootstrapDocument {
  /** As it was configured. */
  readonly address: string;
  /** `failed`: it is dialled again. */
  readonly state: JoinState["kind"];
  /** Why it failed. */
  readonly reason?: string;
}

/** A DHT node, as `/peers` lists it. */
export interface PeerDocument {
  /** Base58. */
  readonly peer_id: string;
  /** A multiaddr. */
  readonly address: string;
  /** Whether a connection with it is open. */
  readonly connected: boolean;
  /** ISO 8601, in UTC; of one that is connected, now. */
  readonly last_contact_at: string;
}

/** An image in a StatusDocument. */
export interface ImageStatusDocument {
  /** Such as `stable`. */
  readonly channel: string;
  /** Such as `arm64`. */
  readonly arch: string;
  /** The manifest's `version`. */
  readonly version: string;
  /** The path of the manifest. */
  readonly manifest: string;
  /** 64 hex digits. */
  readonly manifest_sha256: string;
  /** Until when clients take it. */
  readonly expires_at: string;
  /** The ids of the keys that signed it. */
  readonly signed_by: readonly string[];
  /** Its files. */
  readonly artifacts: readonly {
    readonly role: string;
    readonly filename: string;
    readonly size_bytes: number;
    readonly sha256: string;
  }[];
  /** Each way it is advertised. */
  readonly advertised: readonly AdvertisementDocument[];
}

/** A way of advertising an image in a StatusDocument. */
export interface AdvertisementDocument
  extends
    Pick<AdvertisementStatus, "via" | "published" | "holders" | "problem"> {
  /** When that last succeeded; null before. */
  readonly last_published_at: string | null;
  /** When it is published again. */
  readonly next_refresh_at?: string;
}

/** A machine in a StatusDocument; what is not known of it is not there. */
export interface MachineDocument
  extends
    Pick<MachineState, "id" | "name" | "firmware" | "image" | "step" | "what"> {
  /** The IP address it had last. */
  readonly address?: string;
  /** When it came to this step. */
  readonly since: string;
  /** Whether that is longer ago than a step takes. */
  readonly stuck: boolean;
}

/** A download in a StatusDocument. */
export interface DownloadDocument
  extends Pick<TransferState, "client" | "artifact" | "state"> {
  /** When it began. */
  readonly started_at: string;
  /** The size of the whole artifact. */
  readonly size_bytes: number;
  /** Where the part that was asked for begins. */
  readonly offset_bytes: number;
  /** How long that part is. */
  readonly length_bytes: number;
  /** Handed to the network so far. */
  readonly sent_bytes: number;
}

/** The wire form of a snapshot. */
export function statusJson(snapshot: Snapshot): StatusDocument {
  const { nowMs, provider, images, requests } = snapshot;
  const { sentBytes, ...counts } = snapshot.downloads;
  const { scrub } = provider;
  const trust = newestTrust(snapshot);
  return {
    name: provider.name,
    version: provider.version,
    time: isoTime(nowMs),
    started_at: isoTime(provider.startedMs),
    ready: readiness(snapshot).ok,
    images: images.map((served) => imageJson(served, snapshot)),
    missing: provider.missing.map(formatChannelArch),
    trust: trust === undefined ? null : {
      trust_version: trust.trustVersion,
      expires_at: isoTimeOrNull(trust.expiresAtMs),
    },
    warnings: provider.warnings,
    scrub: {
      last_full_pass_at: isoTimeOrNull(scrub.lastEndedMs),
      done_bytes: scrub.doneBytes,
      total_bytes: scrub.totalBytes,
      differing: scrub.differingCount,
    },
    mirror: provider.mirror?.map(mirrorJson) ?? null,
    http: provider.http,
    mdns: provider.advertisers.includes("mDNS")
      ? {
        interfaces: provider.interfaces,
        links: provider.links.map(({ interfaceName, ...link }) => ({
          interface: interfaceName,
          ...link,
        })),
      }
      : null,
    dht: provider.dht === undefined ? null : {
      peer_id: provider.dht.peerId,
      peers: provider.dht.peerCount,
      reachable: provider.dht.isReachable ?? null,
      bootstrap: [...provider.dht.bootstrap].map(bootstrapJson),
      publishing: publishingJson(provider.dht.publishing),
    },
    downloads: {
      ...counts,
      sent_bytes: sentBytes,
      recent: snapshot.recentDownloads.map(downloadJson),
    },
    machines: snapshot.machines.list().map(machineJson),
    requests,
  };
}

function machineJson(
  { client, sinceMs, isStuck, ...machine }: MachineState,
): MachineDocument {
  return {
    ...machine,
    ...client !== undefined && { address: client },
    since: isoTime(sinceMs),
    stuck: isStuck,
  };
}

/** The wire form of a list of DHT nodes. */
export function peersJson(peers: readonly PeerContact[]): PeerDocument[] {
  return peers.map(({ peerId, address, isConnected, lastContactMs }) => ({
    peer_id: peerId,
    address,
    connected: isConnected,
    last_contact_at: isoTime(lastContactMs),
  }));
}

function mirrorJson(status: MirrorStatus): MirrorDocument {
  const { image, activity, has, newest, fetched, problem } = status;
  return {
    ...{ channel: image.channel, arch: image.arch, activity },
    has: releaseJson(has),
    newest: releaseJson(newest),
    behind_since: isoTimeOrNull(status.behindSinceMs),
    last_found_at: isoTimeOrNull(status.lastFoundMs),
    next_ask_at: isoTimeOrNull(status.nextAskMs),
    fetched: fetched === undefined ? null : {
      done_bytes: fetched.doneBytes,
      total_bytes: fetched.totalBytes,
    },
    problem: problem ?? null,
  };
}

function releaseJson(release: Release | undefined): ReleaseDocument | null {
  return release === undefined ? null : {
    version: release.version,
    manifest_version: release.manifestVersion,
  };
}

function bootstrapJson(
  [address, { kind, ...why }]: [address: string, JoinState],
): BootstrapDocument {
  return { address, state: kind, ...why };
}

function imageJson(
  served: ServedImage,
  snapshot: Snapshot,
): ImageStatusDocument {
  const { image, version, manifest, artifacts } = served;
  return {
    channel: image.channel,
    arch: image.arch,
    version,
    manifest: manifestPath(image),
    manifest_sha256: manifest.sha256,
    expires_at: isoTime(manifest.expiresAtMs),
    signed_by: manifest.signedBy,
    artifacts: [...artifacts].map(([role, { filename, info, sha256 }]) => ({
      role,
      filename,
      size_bytes: info.sizeBytes,
      sha256,
    })),
    advertised: advertisementsOf(snapshot, image).map((status) => ({
      via: status.via,
      published: status.published,
      last_published_at: isoTimeOrNull(status.lastPublishedMs),
      ...status.nextRefreshMs !== undefined &&
        { next_refresh_at: isoTime(status.nextRefreshMs) },
      ...status.holders !== undefined && { holders: status.holders },
      ...status.problem !== undefined && { problem: status.problem },
    })),
  };
}

function downloadJson(download: TransferState): DownloadDocument {
  return {
    client: download.client,
    artifact: download.artifact,
    state: download.state,
    started_at: isoTime(download.startedMs),
    size_bytes: download.sizeBytes,
    offset_bytes: download.offsetBytes,
    length_bytes: download.lengthBytes,
    sent_bytes: download.sentBytes,
  };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function isoTimeOrNull(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : isoTime(timeMs);
}
