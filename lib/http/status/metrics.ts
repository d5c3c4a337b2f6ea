import {
  MACHINE_STEPS,
  type MachineStep,
} from "../../machines/machine_steps.ts";
import type { DhtPublishing } from "./provider_status.ts";
import { imageSizeBytes, newestTrust, type Snapshot } from "./snapshot.ts";

/** The text format, version 0.0.4, which every scraper reads. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [labels: Labels, value: number];

/** By name: the help text of each metric, and its values. */
type Metrics = Readonly<
  Record<string, readonly [help: string, samples: readonly Sample[]]>
>;

function imageMetrics(snapshot: Snapshot): Metrics {
  const { provider, images } = snapshot;
  const trust = newestTrust(snapshot);
  return {
    plasmd_build_info: [
      "The version that is running.",
      [[{ version: provider.version }, 1]],
    ],
    plasmd_start_time_seconds: [
      "When the provider was started, in seconds since 1970.",
      [[{}, provider.startedMs / 1000]],
    ],
    plasmd_image_info: [
      "Images that are served.",
      images.map(({ image, version }) => [{ ...image, version }, 1]),
    ],
    plasmd_manifest_expiry_timestamp_seconds: [
      "When clients stop accepting an image, in seconds since 1970.",
      images.flatMap(({ image, manifest }) =>
        secondsOf({ ...image }, manifest.expiresAtMs)
      ),
    ],
    plasmd_trust_expiry_timestamp_seconds: [
      "When the newest trust document expires, in seconds since 1970.",
      secondsOf(
        { trust_version: trust?.trustVersion ?? 0 },
        trust?.expiresAtMs,
      ),
    ],
    plasmd_images_missing: [
      "Images that are expected but missing.",
      [[{}, provider.missing.length]],
    ],
    plasmd_image_size_bytes: [
      "Total size of an image's artifacts.",
      images.map((served) => [{ ...served.image }, imageSizeBytes(served)]),
    ],
  };
}

function networkMetrics({ provider }: Snapshot): Metrics {
  const { advertisements, dht, links } = provider;
  return {
    plasmd_advertised: [
      "Whether the network can find an image this way.",
      advertisements.map(({ image, via, published }) => [
        { ...image, via },
        Number(published),
      ]),
    ],
    plasmd_last_publish_timestamp_seconds: [
      "When an image was last published this way, in seconds since 1970.",
      advertisements.flatMap(({ image, via, lastPublishedMs }) =>
        secondsOf({ ...image, via }, lastPublishedMs)
      ),
    ],
    plasmd_next_refresh_timestamp_seconds: [
      "When an image will next be published this way, in seconds since 1970.",
      advertisements.flatMap(({ image, via, nextRefreshMs }) =>
        secondsOf({ ...image, via }, nextRefreshMs)
      ),
    ],
    plasmd_dht_record_holders: [
      "Other DHT nodes that hold an image's record.",
      advertisements.flatMap(({ image, holders }) =>
        holders === undefined ? [] : [[{ ...image }, holders]]
      ),
    ],
    plasmd_dht_peers: [
      "Known DHT nodes.",
      dht === undefined ? [] : [[{}, dht.peerCount]],
    ],
    plasmd_dht_reachable: [
      "Whether other DHT nodes can connect to this one, if they have reported it.",
      dht?.isReachable === undefined ? [] : [[{}, Number(dht.isReachable)]],
    ],
    ...requestMetrics(dht),
    ...publishingMetrics(dht?.publishing),
    plasmd_dht_bootstrap_up: [
      "Whether a bootstrap node is connected.",
      [...dht?.bootstrap ?? []].map(([address, { kind }]) => [
        { address },
        Number(kind === "connected"),
      ]),
    ],
    plasmd_mdns_link_up: [
      "Whether mDNS answers on a network interface.",
      links.map(({ interfaceName, state }) => [
        { interface: interfaceName },
        Number(state === "established"),
      ]),
    ],
  };
}

function requestMetrics(dht: Snapshot["provider"]["dht"]): Metrics {
  return {
    plasmd_dht_requests_total: [
      "Requests from other DHT nodes; those not answered were refused.",
      (dht?.requests ?? []).map(({ kind, answered, count }) => [
        { kind, answered: String(answered) },
        count,
      ]),
    ],
    plasmd_dht_sent_requests_total: [
      "Requests to other DHT nodes, to publish and look up images.",
      (dht?.sentRequests ?? []).map(({ kind, answered, count }) => [
        { kind, answered: String(answered) },
        count,
      ]),
    ],
  };
}

function publishingMetrics(publishing: DhtPublishing | undefined): Metrics {
  if (publishing === undefined) return {};
  const { waiting, lagMs, meanHolders, lastRound } = publishing;
  return {
    plasmd_dht_publish_queue: [
      "Images that are being published in the DHT, or waiting to be.",
      [[{}, waiting]],
    ],
    plasmd_dht_publish_lag_seconds: [
      "How long the first image in the publish queue has been waiting.",
      [[{}, lagMs / 1000]],
    ],
    plasmd_dht_holders_mean: [
      "Average number of other DHT nodes told of an image.",
      [[{}, meanHolders]],
    ],
    plasmd_dht_last_round_timestamp_seconds: [
      "When the last round of refreshes began, in seconds since 1970.",
      secondsOf({}, lastRound?.beganMs),
    ],
    plasmd_dht_last_round_images: [
      "Images refreshed in the last round, by outcome.",
      lastRound === undefined ? [] : [
        [{ outcome: "told" }, lastRound.told],
        [{ outcome: "failed" }, lastRound.failed],
      ],
    ],
  };
}

/** By step, since machines are many. */
function machineMetrics({ machines }: Snapshot): Metrics {
  const list = machines.list();
  const at = (step: MachineStep) =>
    list.filter((machine) => machine.step === step).length;
  return {
    plasmd_machines: [
      "Booting machines, by the last step of each.",
      MACHINE_STEPS.map((step) => [{ step }, at(step)]),
    ],
    plasmd_machines_stuck: [
      "Machines that reached their last step long ago without finishing.",
      [[{}, list.filter(({ isStuck }) => isStuck).length]],
    ],
    plasmd_machine_steps_total: [
      "Steps of booting machines.",
      MACHINE_STEPS.map((step) => [{ step }, machines.counts().get(step) ?? 0]),
    ],
  };
}

/** How up to date a mirror is. */
function mirrorMetrics({ provider: { mirror = [] } }: Snapshot): Metrics {
  return {
    plasmd_mirror_manifest_version: [
      "The manifest_version that a mirror has completely, 0 for none.",
      mirror.map(({ image, has }) => [{ ...image }, has?.manifestVersion ?? 0]),
    ],
    plasmd_mirror_behind: [
      "Whether a mirror knows of a newer manifest than it has.",
      mirror.map(({ image, behindSinceMs }) => [
        { ...image },
        Number(behindSinceMs !== undefined),
      ]),
    ],
    plasmd_mirror_behind_since_timestamp_seconds: [
      "Since when a mirror has been behind, in seconds since 1970.",
      mirror.flatMap(({ image, behindSinceMs }) =>
        secondsOf({ ...image }, behindSinceMs)
      ),
    ],
    plasmd_mirror_last_found_timestamp_seconds: [
      "When another provider of an image was last found, in seconds since 1970.",
      mirror.flatMap(({ image, lastFoundMs }) =>
        secondsOf({ ...image }, lastFoundMs)
      ),
    ],
  };
}

/** Progress and result of the daily re-read. */
function scrubMetrics({ provider: { scrub } }: Snapshot): Metrics {
  return {
    plasmd_scrub_last_pass_timestamp_seconds: [
      "When everything served was last read again completely, in seconds since 1970.",
      secondsOf({}, scrub.lastEndedMs),
    ],
    plasmd_scrub_done_bytes: [
      "Bytes read again so far in the current pass.",
      [[{}, scrub.doneBytes]],
    ],
    plasmd_scrub_differing_total: [
      "Files whose content differed from what was promised.",
      [[{}, scrub.differingCount]],
    ],
  };
}

function clientMetrics({ requests, downloads }: Snapshot): Metrics {
  const { done, broken, displaced, refused } = downloads;
  return {
    plasmd_http_requests_total: [
      "Requests answered.",
      requests.map(({ method, status, count }) => [
        { method, code: status },
        count,
      ]),
    ],
    plasmd_downloads_running: [
      "Running downloads of artifacts.",
      [[{}, downloads.running]],
    ],
    plasmd_downloads_limit: [
      "Maximum number of simultaneous downloads; others wait or are refused.",
      [[{}, downloads.limit]],
    ],
    plasmd_downloads_total: [
      "Downloads that ended or were refused, by outcome.",
      Object.entries({ done, broken, displaced, refused })
        .map(([outcome, count]) => [{ outcome }, count]),
    ],
    plasmd_sent_bytes_total: [
      "Bytes of artifacts handed to the network.",
      [[{}, downloads.sentBytes]],
    ],
  };
}

/** A time in milliseconds, if any, as seconds. */
function secondsOf(labels: Labels, timeMs: number | undefined): Sample[] {
  return timeMs === undefined ? [] : [[labels, timeMs / 1000]];
}

/**
 * A snapshot in Prometheus' text format. Counters are kept elsewhere, so this
 * needs no registry and no state.
 */
export function metricsText(snapshot: Snapshot): string {
  const metrics = {
    ...imageMetrics(snapshot),
    ...networkMetrics(snapshot),
    ...mirrorMetrics(snapshot),
    ...scrubMetrics(snapshot),
    ...machineMetrics(snapshot),
    ...clientMetrics(snapshot),
  };
  return Object.entries(metrics)
    .map(([name, [help, samples]]) => metricText(name, help, samples))
    .join("");
}

function metricText(
  name: string,
  help: string,
  samples: readonly Sample[],
): string {
  // Only names of counters end in `_total` (OpenMetrics 1.0).
  const type = name.endsWith("_total") ? "counter" : "gauge";
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels)
      .map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
    return `${name}${
      pairs.length > 0 ? `{${pairs.join(",")}}` : ""
    } ${value}\n`;
  });
  if (lines.length === 0) return "";
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** Escapes what the text format requires in a label's value. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}
