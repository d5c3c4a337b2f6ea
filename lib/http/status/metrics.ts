import { imageSizeBytes, type Snapshot } from "./snapshot.ts";

/** Of the text format, version 0.0.4, which every scraper reads. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [labels: Labels, value: number];

/** One metric: what a scraper is told of it, and where its values come from. */
interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: (snapshot: Snapshot) => readonly Sample[];
}

const FAMILIES: readonly Family[] = [
  {
    name: "plasmd_build_info",
    type: "gauge",
    help: "The version that is running.",
    samples: ({ provider }) => [[{ version: provider.version }, 1]],
  },
  {
    name: "plasmd_start_time_seconds",
    type: "gauge",
    help: "When the provider was started, in seconds since 1970.",
    samples: ({ provider }) => [[{}, provider.startedMs / 1000]],
  },
  {
    name: "plasmd_image_info",
    type: "gauge",
    help: "The images that are served.",
    samples: ({ images }) =>
      images.map(({ image, version }) => [{ ...image, version }, 1]),
  },
  {
    name: "plasmd_images_missing",
    type: "gauge",
    help: "Images that are expected and not there.",
    samples: ({ provider }) => [[{}, provider.missing.length]],
  },
  {
    name: "plasmd_image_size_bytes",
    type: "gauge",
    help: "All artifacts of an image together.",
    samples: ({ images }) =>
      images.map((served) => [{ ...served.image }, imageSizeBytes(served)]),
  },
  {
    name: "plasmd_advertised",
    type: "gauge",
    help: "Whether the network can find an image this way.",
    samples: ({ provider }) =>
      provider.advertisements.map(({ image, via, published }) => [
        { ...image, via },
        Number(published),
      ]),
  },
  {
    name: "plasmd_last_publish_timestamp_seconds",
    type: "gauge",
    help: "When an image was last published this way, in seconds since 1970.",
    samples: ({ provider }) =>
      provider.advertisements.flatMap(({ image, via, lastPublishedMs }) =>
        secondsOf({ ...image, via }, lastPublishedMs)
      ),
  },
  {
    name: "plasmd_next_refresh_timestamp_seconds",
    type: "gauge",
    help: "When an image is published again this way, in seconds since 1970.",
    samples: ({ provider }) =>
      provider.advertisements.flatMap(({ image, via, nextRefreshMs }) =>
        secondsOf({ ...image, via }, nextRefreshMs)
      ),
  },
  {
    name: "plasmd_dht_record_holders",
    type: "gauge",
    help: "Other DHT nodes that hold the record of an image.",
    samples: ({ provider }) =>
      provider.advertisements.flatMap(({ image, holders }) =>
        holders === undefined ? [] : [[{ ...image }, holders]]
      ),
  },
  {
    name: "plasmd_dht_peers",
    type: "gauge",
    help: "DHT nodes that are known.",
    samples: ({ provider: { dht } }) =>
      dht === undefined ? [] : [[{}, dht.peerCount]],
  },
  {
    name: "plasmd_mdns_link_up",
    type: "gauge",
    help: "Whether mDNS answers on a network interface.",
    samples: ({ provider }) =>
      provider.links.map(({ interfaceName, state }) => [
        { interface: interfaceName },
        Number(state === "established"),
      ]),
  },
  {
    name: "plasmd_scrub_last_pass_timestamp_seconds",
    type: "gauge",
    help:
      "When everything that is served had been read again, in seconds since 1970.",
    samples: ({ provider }) => secondsOf({}, provider.scrub.lastEndedMs),
  },
  {
    name: "plasmd_scrub_done_bytes",
    type: "gauge",
    help: "How much of it has been read again in this pass.",
    samples: ({ provider }) => [[{}, provider.scrub.doneBytes]],
  },
  {
    name: "plasmd_scrub_differing_total",
    type: "counter",
    help: "Files that had another content than was promised.",
    samples: ({ provider }) => [[{}, provider.scrub.differingCount]],
  },
  {
    name: "plasmd_http_requests_total",
    type: "counter",
    help: "Requests answered.",
    samples: ({ requests }) =>
      requests.map(({ method, status, count }) => [
        { method, code: status },
        count,
      ]),
  },
  {
    name: "plasmd_downloads_running",
    type: "gauge",
    help: "Downloads of artifacts under way.",
    samples: ({ downloads }) => [[{}, downloads.running]],
  },
  {
    name: "plasmd_downloads_limit",
    type: "gauge",
    help: "Downloads beyond this number wait, or are refused.",
    samples: ({ downloads }) => [[{}, downloads.limit]],
  },
  {
    name: "plasmd_downloads_total",
    type: "counter",
    help: "Downloads that ended, whole or not, or never began.",
    samples: ({ downloads: { done, broken, displaced, refused } }) =>
      Object.entries({ done, broken, displaced, refused })
        .map(([outcome, count]) => [{ outcome }, count]),
  },
  {
    name: "plasmd_sent_bytes_total",
    type: "counter",
    help: "Bytes of artifacts handed to the network.",
    samples: ({ downloads }) => [[{}, downloads.sentBytes]],
  },
];

/** A time in milliseconds, where there is one, as seconds. */
function secondsOf(labels: Labels, timeMs: number | undefined): Sample[] {
  return timeMs === undefined ? [] : [[labels, timeMs / 1000]];
}

/**
 * A snapshot in Prometheus' text format. Everything that is counted is counted
 * elsewhere, so this needs no registry and keeps no state.
 */
export function metricsText(snapshot: Snapshot): string {
  return FAMILIES.map((family) => familyText(family, snapshot)).join("");
}

function familyText(
  { name, type, help, samples }: Family,
  snapshot: Snapshot,
): string {
  const lines = samples(snapshot).map(([labels, value]) => {
    const pairs = Object.entries(labels)
      .map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
    return `${name}${
      pairs.length > 0 ? `{${pairs.join(",")}}` : ""
    } ${value}\n`;
  });
  if (lines.length === 0) return "";
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** A label's value may hold anything, with these three escaped. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}
