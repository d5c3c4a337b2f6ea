import { formatChannelArch } from "../../core/channel_arch.ts";
import {
  errorAnswer,
  jsonAnswer,
  textAnswer,
} from "../../net/http1/answers.ts";
import type { BytesAnswer } from "../../net/http1/handler.ts";
import { METRICS_CONTENT_TYPE, metricsText } from "./metrics.ts";
import { peersJson } from "./status_json.ts";
import { readiness, type Snapshot } from "./snapshot.ts";
import { PAGE_SECURITY_POLICY, statusPage } from "./status_page.ts";

/**
 * Whether clients can be sent here: 200, or 503 and why not. With mDNS and the
 * DHT off on purpose they can, those that are told the URL; the answer says so.
 */
export function readyAnswer(snapshot: Snapshot): BytesAnswer {
  const state = readiness(snapshot);
  if (!state.ok) return errorAnswer(503, `Not ready: ${state.reason}`);
  return jsonAnswer({
    ready: true,
    images: state.value.map(formatChannelArch),
    ...snapshot.provider.kind === "provider" &&
      snapshot.provider.advertisers.length === 0 &&
      {
        warning:
          "mDNS and DHT are off: only clients that are given the URL find the images",
      },
  });
}

/** The DHT nodes that were met lately, the last first; at most 256. */
export function peersAnswer({ provider }: Snapshot): BytesAnswer {
  return jsonAnswer({ peers: peersJson(provider.dht?.peers() ?? []) });
}

/** What Prometheus collects. */
export function metricsAnswer(snapshot: Snapshot): BytesAnswer {
  return textAnswer(metricsText(snapshot), {
    "Content-Type": METRICS_CONTENT_TYPE,
  });
}

/** The page for people; nothing but itself may run in it. */
export async function pageAnswer(snapshot: Snapshot): Promise<BytesAnswer> {
  return textAnswer(await statusPage(snapshot), {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": PAGE_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Vary": "accept",
  });
}
