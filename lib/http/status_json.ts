import { formatChannelArch, manifestPath } from "../core/channel_arch.ts";
import type { ServedImage } from "./image_catalog.ts";
import { advertisementsOf, readiness, type Snapshot } from "./snapshot.ts";
import type { TransferState } from "./transfers.ts";

/** What `/status` says: the wire form of a snapshot. */
export function statusJson(snapshot: Snapshot): unknown {
  const { nowMs, provider, images, downloads, requests } = snapshot;
  return {
    name: provider.name,
    version: provider.version,
    time: isoTime(nowMs),
    started_at: isoTime(provider.startedMs),
    ready: readiness(snapshot).ok,
    images: images.map((served) => imageJson(served, snapshot)),
    missing: provider.missing.map(formatChannelArch),
    warnings: provider.warnings,
    mdns: provider.advertisers.includes("mDNS")
      ? {
        links: provider.links.map(({ interfaceName, ...link }) => ({
          interface: interfaceName,
          ...link,
        })),
      }
      : null,
    dht: provider.dht === undefined ? null : {
      peer_id: provider.dht.peerId,
      peers: provider.dht.peerCount,
    },
    downloads: {
      running: downloads.running,
      limit: downloads.limit,
      done: downloads.done,
      broken: downloads.broken,
      refused: downloads.refused,
      sent_bytes: downloads.sentBytes,
      recent: snapshot.recentDownloads.map(downloadJson),
    },
    requests,
  };
}

function imageJson(served: ServedImage, snapshot: Snapshot): unknown {
  const { image, version, manifest, artifacts } = served;
  return {
    channel: image.channel,
    arch: image.arch,
    version,
    manifest: manifestPath(image),
    manifest_sha256: manifest.sha256,
    artifacts: [...artifacts].map(([role, { filename, info, sha256 }]) => ({
      role,
      filename,
      size_bytes: info.sizeBytes,
      sha256,
    })),
    advertised: advertisementsOf(snapshot, image).map((status) => ({
      via: status.via,
      published: status.published,
      last_published_at: status.lastPublishedMs === undefined
        ? null
        : isoTime(status.lastPublishedMs),
      ...status.nextRefreshMs !== undefined &&
        { next_refresh_at: isoTime(status.nextRefreshMs) },
      ...status.holders !== undefined && { holders: status.holders },
      ...status.problem !== undefined && { problem: status.problem },
    })),
  };
}

function downloadJson(download: TransferState): unknown {
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
