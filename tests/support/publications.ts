import { DhtPublications } from "../../lib/advertise/dht_publications.ts";
import type { Now } from "../../lib/advertise/record_dates.ts";
import type { ToldImage } from "../../lib/advertise/told_images.ts";
import { ok } from "../../lib/core/result.ts";

/** The wall clock at the start. */
export const WALL_MS = Date.parse("2026-11-22T12:00:00Z");

/** @param setByMs how far the wall clock was set ahead since the start */
export function at(monotonicMs: number, setByMs = 0): Now {
  return { monotonicMs, wallMs: WALL_MS + monotonicMs + setByMs };
}

/** The outcome of an attempt: this many nodes keep the record. */
export function told(
  storedAt: number,
): Parameters<DhtPublications["ended"]>[1] {
  return ok({ storedAt, providedAt: storedAt });
}

/** Publications with a refresh every half an hour, none of them made yet. */
export function openPublications(
  { host = () => "192.0.2.7", toldBefore = [] }: {
    readonly host?: () => string;
    readonly toldBefore?: readonly ToldImage[];
  } = {},
): DhtPublications {
  return new DhtPublications({
    toldBefore,
    urlFor: ({ channel, arch }) => `http://${host()}/${channel}/${arch}`,
    ttlSeconds: 3600,
    refreshSeconds: 1800,
    random: () => 0.5,
  });
}

/** Many images, all published once. */
export function openMany(count: number): DhtPublications {
  const publications = openPublications();
  for (let i = 0; i < count; i++) {
    const image = { channel: `c${i}`, arch: "arm64" };
    const order = publications.set({ image, version: "1" }, at(0));
    publications.ended(order, told(20), at(0));
  }
  return publications;
}
