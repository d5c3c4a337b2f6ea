import { imageSizeBytes, type Snapshot } from "./snapshot.ts";

/** Of the text format, version 0.0.4, which every scraper reads. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [labels: Labels, value: number];

/**
 * A snapshot in Prometheus' text format. Everything that is counted is counted
 * elsewhere, so this needs no registry and keeps no state.
 */
export function metricsText(snapshot: Snapshot): string {
  const { provider, images, downloads, requests } = snapshot;
  return [
    family("plasmd_build_info", "gauge", "The version that is running.", [
      [{ version: provider.version }, 1],
    ]),
    family(
      "plasmd_start_time_seconds",
      "gauge",
      "When the provider was started, in seconds since 1970.",
      [[{}, provider.startedMs / 1000]],
    ),
    family("plasmd_image_info", "gauge", "The images that are served.", [
      ...images.map(({ image, version }): Sample => [{ ...image, version }, 1]),
    ]),
    family(
      "plasmd_images_missing",
      "gauge",
      "Images that are expected and not there.",
      [[{}, provider.missing.length]],
    ),
    family(
      "plasmd_image_size_bytes",
      "gauge",
      "All artifacts of an image together.",
      images.map((served) => [{ ...served.image }, imageSizeBytes(served)]),
    ),
    family(
      "plasmd_advertised",
      "gauge",
      "Whether the network can find an image this way.",
      provider.advertisements.map(({ image, via, published }) => [
        { ...image, via },
        Number(published),
      ]),
    ),
    family(
      "plasmd_last_publish_timestamp_seconds",
      "gauge",
      "When an image was last published this way, in seconds since 1970.",
      provider.advertisements.flatMap(({ image, via, lastPublishedMs }) =>
        lastPublishedMs === undefined
          ? []
          : [[{ ...image, via }, lastPublishedMs / 1000]]
      ),
    ),
    family(
      "plasmd_next_refresh_timestamp_seconds",
      "gauge",
      "When an image is published again this way, in seconds since 1970.",
      provider.advertisements.flatMap(({ image, via, nextRefreshMs }) =>
        nextRefreshMs === undefined
          ? []
          : [[{ ...image, via }, nextRefreshMs / 1000]]
      ),
    ),
    family(
      "plasmd_dht_record_holders",
      "gauge",
      "Other DHT nodes that hold the record of an image.",
      provider.advertisements.flatMap(({ image, holders }) =>
        holders === undefined ? [] : [[{ ...image }, holders]]
      ),
    ),
    family(
      "plasmd_dht_peers",
      "gauge",
      "DHT nodes that are known.",
      provider.dht === undefined ? [] : [[{}, provider.dht.peerCount]],
    ),
    family(
      "plasmd_mdns_link_up",
      "gauge",
      "Whether mDNS answers on a network interface.",
      provider.links.map(({ interfaceName, state }) => [
        { interface: interfaceName },
        Number(state === "established"),
      ]),
    ),
    family(
      "plasmd_http_requests_total",
      "counter",
      "Requests answered.",
      requests.map(({ method, status, count }) => [
        { method, code: status },
        count,
      ]),
    ),
    family(
      "plasmd_downloads_running",
      "gauge",
      "Downloads of artifacts under way.",
      [[{}, downloads.running]],
    ),
    family(
      "plasmd_downloads_limit",
      "gauge",
      "Downloads beyond this number are refused.",
      [[{}, downloads.limit]],
    ),
    family(
      "plasmd_downloads_total",
      "counter",
      "Downloads that ended, whole or broken off.",
      [
        [{ outcome: "done" }, downloads.done],
        [{ outcome: "broken" }, downloads.broken],
        [{ outcome: "refused" }, downloads.refused],
      ],
    ),
    family(
      "plasmd_sent_bytes_total",
      "counter",
      "Bytes of artifacts handed to the network.",
      [[{}, downloads.sentBytes]],
    ),
  ].join("");
}

function family(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return "";
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels)
      .map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
    return `${name}${
      pairs.length > 0 ? `{${pairs.join(",")}}` : ""
    } ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** A label's value may hold anything, with these three escaped. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}
