import type { ChannelArch } from "../core/channel_arch.ts";
import { keyMultihash, sha256 } from "../net/dht/message.ts";
import { bootRecordKey } from "../wire/boot_record.ts";
import type { Advertisement } from "./advertiser.ts";
import type { DhtImageStatus } from "./dht_image_status.ts";
import type { Now } from "./record_dates.ts";
import type { ToldImage } from "./told_images.ts";

/** Kademlia's k: with fewer holders, every new peer becomes one. */
export const WANTED_HOLDERS = 20;
/** After trouble, new peers do not make an image be published more often. */
const MIN_RETRY_MS = 1000;
/** Gives a new peer time to be found by others. */
const NEW_PEER_DELAY_MS = 500;
/** New peers do not make an image be published more often than this. */
const MIN_INTERVAL_MS = 5000;

/** An image that is published, and how that stands. */
export interface Publication {
  /** What is published. */
  readonly advertisement: Advertisement;
  /** The place of its key in the key space, 0 to below 1. */
  readonly place: number;
  readonly ending: AbortController;
  /** When to publish it again, on the monotonic clock. */
  dueMs: number;
  /** Whether it is being published. */
  isRunning: boolean;
  /** What the last record says. */
  url: string;
  /** Failed ones, one after the other. */
  attempts: number;
  /** When the last one began. */
  lastAttempt: Now;
  lastDueMs: number;
  /** When the attempt began by which others were told last; at first: its start. */
  toldMs: number;
  /** When another node last said that it keeps the record. */
  lastStored?: Now;
  /** How many did. */
  storedAt: number;
  /** Nodes that keep it, or were sent the provider record unacknowledged. */
  toldAt: number;
  /** Why a stranger does not find it. */
  problem?: string;
}

/** A publication that was never announced, and is due. */
export function newPublication(
  advertisement: Advertisement,
  now: Now,
): Publication {
  return {
    advertisement,
    place: placeOf(advertisement.image),
    ending: new AbortController(),
    dueMs: now.monotonicMs,
    isRunning: false,
    url: "",
    attempts: 0,
    lastAttempt: now,
    lastDueMs: now.monotonicMs,
    toldMs: now.monotonicMs,
    storedAt: 0,
    toldAt: 0,
  };
}

/** Where the key that an image's providers are found by is, 0 to below 1. */
function placeOf(image: ChannelArch): number {
  const key = keyMultihash(new TextEncoder().encode(bootRecordKey(image)));
  const { buffer, byteOffset } = sha256(key);
  return new DataView(buffer, byteOffset).getUint32(0) / 2 ** 32;
}

/** Has it due by then at the latest. */
export function advance(publication: Publication, dueMs: number): void {
  publication.dueMs = Math.min(publication.dueMs, dueMs);
}

/** A peer has come: what has too few holders is due soon. */
export function peerSeen(publication: Publication, nowMs: number): void {
  const { toldAt, problem, lastAttempt } = publication;
  const isInTrouble = toldAt === 0 || problem !== undefined;
  if (!isInTrouble && toldAt >= WANTED_HOLDERS) return;
  publication.attempts = 0;
  const gapMs = isInTrouble ? MIN_RETRY_MS : MIN_INTERVAL_MS;
  const soonMs = nowMs + NEW_PEER_DELAY_MS;
  advance(publication, Math.max(soonMs, lastAttempt.monotonicMs + gapMs));
}

/**
 * The status of a publication, as the provider reports it.
 *
 * @param probeDueMs when one image is tried for all, on the monotonic clock
 */
export function statusOf(
  publication: Publication,
  probeDueMs: number,
  { monotonicMs, wallMs }: Now,
): DhtImageStatus {
  const { advertisement: { image }, isRunning, problem } = publication;
  const { lastStored, storedAt, dueMs } = publication;
  return {
    image,
    ...lastStored !== undefined && { lastPublishedMs: lastStored.wallMs },
    storedAt,
    ...!isRunning && {
      nextRefreshMs: wallMs - monotonicMs +
        Math.min(dueMs, problem === undefined ? Infinity : probeDueMs),
    },
    ...problem !== undefined && { problem },
  };
}

/**
 * Takes up what others were told before a restart.
 *
 * @param when that was, by both clocks
 */
export function resume(
  publication: Publication,
  { url, storedAt, toldAt }: ToldImage,
  when: Now,
): void {
  publication.lastStored = when;
  publication.toldMs = when.monotonicMs;
  Object.assign(publication, { url, storedAt, toldAt });
}

/**
 * What the next start should know; none if no node was told, or the image
 * cannot be found.
 */
export function toldOf(
  { advertisement, problem, url, storedAt, toldAt, toldMs }: Publication,
  { monotonicMs, wallMs }: Now,
): ToldImage[] {
  if (toldAt === 0 || problem !== undefined) return [];
  const wasMs = Math.round(wallMs - (monotonicMs - toldMs));
  return [{ ...advertisement, url, storedAt, toldAt, toldMs: wasMs }];
}
