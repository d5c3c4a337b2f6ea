import { whenAborted } from "../core/abort.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { type Clock, sleep } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { noHolderReason } from "../net/dht/no_holder_reason.ts";
import type { DhtNode } from "../net/dht/node.ts";
import { bootRecordKey, signBootRecord } from "../wire/boot_record.ts";
import type { Advertisement, Advertiser } from "./advertiser.ts";

/** What the advertiser needs of a DHT node. */
export type PublishingNode = Pick<
  DhtNode,
  "peerId" | "sign" | "publish" | "withdraw" | "onPeer" | "joinStates"
>;

/** How one image stands in the DHT. */
export interface DhtImageStatus {
  /** Which image it is. */
  readonly image: ChannelArch;
  /** When other nodes last took its record, milliseconds since 1970. */
  readonly lastPublishedMs?: number;
  /** How many other nodes took it then. */
  readonly storedAt: number;
  /** When it is published again; left out while that is being done. */
  readonly nextRefreshMs?: number;
  /** Why the last attempt failed. */
  readonly problem?: string;
}

/** Advertises images in the DHT, and tells how that goes. */
export interface DhtAdvertiser extends Advertiser {
  /** For log lines. */
  readonly name: "DHT";
  /** The published images, in the order they were published first. */
  status(): readonly DhtImageStatus[];
}

/** What the advertiser is made of. */
export interface DhtAdvertiserOptions {
  /** Through which it publishes; stays the caller's. */
  readonly node: PublishingNode;
  /**
   * The manifest's URL as others can reach it. When it comes to be another,
   * the image is published again within seconds.
   */
  readonly urlFor: (image: ChannelArch) => string;
  /** For people who look at a list of providers. */
  readonly providerName?: string;
  /** How long a record holds. */
  readonly ttlSeconds: number;
  /** How often it is published again: less than the TTL, best half of it. */
  readonly refreshSeconds: number;
  /** For dates and for the next refresh. */
  readonly clock: Clock;
  /** Told once that there is no peer, and once that there is one. */
  readonly logger: Logger;
}

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
/** A new peer is given time to be looked up by others. */
const NEW_PEER_DELAY_MS = 500;
/** Kademlia's k: with fewer holders, every new peer becomes one. */
const WANTED_HOLDERS = 20;
/** New peers do not make an image be published more often than this. */
const MIN_INTERVAL_MS = 5000;
const MAX_AT_ONCE = 4;
/** How soon a new address of this machine, or a clock set anew, is noticed. */
const CHECK_INTERVAL_MS = 5000;
/** Others refuse what is dated so much ahead of their clock, or expired. */
const CLOCK_JUMP_MS = 60_000;
const SUPERSEDED = "withdrawn, or published anew";

interface Entry {
  readonly advertisement: Advertisement;
  /** Aborts when the image is withdrawn, or published anew. */
  readonly ended: AbortController;
  /** When it is to be published again, on the monotonic clock. */
  dueMs: number;
  isRunning: boolean;
  /** What the last record says. */
  url?: string;
  /** Failed ones, one after the other. */
  attempts: number;
  lastAttemptMs: number;
  /** By the wall clock. */
  lastPublishedMs?: number;
  /** The same on the monotonic clock. */
  keptSinceMs?: number;
  /** By how much the wall clock was ahead of the monotonic one then. */
  clockOffsetMs?: number;
  storedAt: number;
  problem?: string;
}

/**
 * Publishes a signed record per image, again before it expires, as soon as it
 * changes, and when peers appear that could keep it too.
 */
export function openDhtAdvertiser(
  options: DhtAdvertiserOptions,
): DhtAdvertiser {
  const { node, clock, logger } = options;
  const entries = new Map<string, Entry>();
  const closing = new AbortController();
  let wake = new AbortController();
  let hasWarned = false;
  let lastUpdatedMs = 0;

  const schedule = (entry: Entry, dueMs: number) => {
    entry.dueMs = Math.min(entry.dueMs, dueMs);
    wake.abort();
  };

  /** @param onStored called when the first other node keeps the record */
  const attempt = async (
    entry: Entry,
    onStored: () => void = () => {},
  ): Promise<Result<void>> => {
    entry.dueMs = Infinity;
    entry.isRunning = true;
    entry.lastAttemptMs = clock.monotonic();
    const stored = await publishOnce(entry, () => {
      entry.lastPublishedMs = clock.now();
      entry.keptSinceMs = clock.monotonic();
      entry.storedAt = Math.max(entry.storedAt, 1);
      delete entry.problem;
      onStored();
      tellOfPeers();
    });
    entry.isRunning = false;
    if (entry.ended.signal.aborted) return refuse(SUPERSEDED);
    if (stored.ok) {
      entry.storedAt = stored.value;
      entry.attempts = 0;
      // Of the peers that came meanwhile most came by being told.
      if (stored.value >= WANTED_HOLDERS) entry.dueMs = Infinity;
      // Spread, so that providers started together do not stay together.
      const refreshMs = options.refreshSeconds * 1000;
      const inMs = refreshMs * (0.9 + Math.random() / 10);
      schedule(entry, clock.monotonic() + inMs);
      return ok(undefined);
    }
    entry.problem = stored.reason;
    const retryMs = Math.min(
      FIRST_RETRY_MS * 2 ** entry.attempts++,
      MAX_RETRY_MS,
    );
    schedule(entry, clock.monotonic() + retryMs * (0.75 + Math.random() / 2));
    tellOfProblem(stored.reason);
    return refuse(stored.reason);
  };

  /** @returns how many other nodes keep the record, at least one */
  const publishOnce = async (
    entry: Entry,
    onStored: () => void,
  ): Promise<Result<number>> => {
    const { advertisement: { image, version }, ended } = entry;
    // Other nodes refuse a record older than the last one, and the wall clock
    // may go back a little. When it goes back far, they have refused the last.
    const now = clock.now();
    lastUpdatedMs = lastUpdatedMs > now + CLOCK_JUMP_MS
      ? now
      : Math.max(now, lastUpdatedMs + 1);
    entry.clockOffsetMs = clockOffsetMs();
    const { providerName, ttlSeconds } = options;
    try {
      const url = options.urlFor(image);
      entry.url = url;
      const value = await signBootRecord(image, {
        url,
        peerId: node.peerId,
        ...(providerName === undefined ? {} : { providerName }),
        lastUpdatedMs,
        version,
        ttlSeconds,
      }, node.sign);
      if (ended.signal.aborted) return refuse(SUPERSEDED);
      const outcome = await node.publish(bootRecordKey(image), value, {
        ttlSeconds,
        onStored,
        signal: AbortSignal.any([closing.signal, ended.signal]),
      });
      return outcome.storedAt > 0
        ? ok(outcome.storedAt)
        : refuse(noHolderReason(outcome, node.joinStates()));
    } catch (error) {
      return refuse(messageOf(error));
    }
  };

  const tellOfProblem = (reason: string) => {
    if (hasWarned || closing.signal.aborted) return;
    hasWarned = true;
    logger.warn(
      `Images cannot be found over the DHT yet (${reason}): trying again until it works, nodes to join through are named with --bootstrap`,
    );
  };
  const tellOfPeers = () => {
    const hasProblem = [...entries.values()].some((entry) => entry.problem);
    if (!hasWarned || hasProblem) return;
    hasWarned = false;
    logger.info("The DHT has peers now, images are in it");
  };

  /** Whether others are told an address that is no longer ours. */
  const hasMoved = ({ url, advertisement }: Entry) =>
    url !== undefined && url !== options.urlFor(advertisement.image);

  const clockOffsetMs = () => clock.now() - clock.monotonic();
  /** Whether what was published is dated by a clock that was set anew since. */
  const isMisdated = ({ clockOffsetMs: then }: Entry) =>
    then !== undefined && Math.abs(clockOffsetMs() - then) > CLOCK_JUMP_MS;

  const refreshLoop = async () => {
    while (!closing.signal.aborted) {
      const now = clock.monotonic();
      const due = [...entries.values()].filter((entry) =>
        !entry.isRunning &&
        (entry.dueMs <= now || hasMoved(entry) || isMisdated(entry))
      );
      for (let i = 0; i < due.length; i += MAX_AT_ONCE) {
        await Promise.all(
          due.slice(i, i + MAX_AT_ONCE).map((entry) => attempt(entry)),
        );
      }
      wake = new AbortController();
      const next = Math.min(
        ...[...entries.values()].filter((e) => !e.isRunning).map((e) =>
          e.dueMs
        ),
      );
      const signal = AbortSignal.any([closing.signal, wake.signal]);
      try {
        const waitMs = Math.min(next - clock.monotonic(), CHECK_INTERVAL_MS);
        if (waitMs > 0) await sleep(clock, waitMs, { signal });
      } catch {
        // Woken, or closing: the loop looks which.
      }
    }
  };

  const stopWatching = node.onPeer(() => {
    const soonMs = clock.monotonic() + NEW_PEER_DELAY_MS;
    for (const entry of entries.values()) {
      const isInTrouble = entry.storedAt === 0 || entry.problem !== undefined;
      if (!isInTrouble && entry.storedAt >= WANTED_HOLDERS) continue;
      entry.attempts = 0;
      const gapMs = isInTrouble ? FIRST_RETRY_MS : MIN_INTERVAL_MS;
      schedule(entry, Math.max(soonMs, entry.lastAttemptMs + gapMs));
    }
  });
  const refreshing = refreshLoop();

  return {
    name: "DHT",
    async publish(advertisement, { signal }) {
      const id = formatChannelArch(advertisement.image);
      entries.get(id)?.ended.abort();
      const entry: Entry = {
        advertisement,
        ended: new AbortController(),
        dueMs: Infinity,
        isRunning: false,
        attempts: 0,
        lastAttemptMs: clock.monotonic(),
        storedAt: 0,
      };
      entries.set(id, entry);
      return await new Promise((resolve) => {
        attempt(entry, () => resolve(ok(undefined))).then(resolve);
        whenAborted(signal).then(() => resolve(refuse("interrupted")));
      });
    },
    isPublished(image) {
      const keptSinceMs = entries.get(formatChannelArch(image))?.keptSinceMs;
      return keptSinceMs !== undefined &&
        clock.monotonic() < keptSinceMs + options.ttlSeconds * 1000;
    },
    async withdraw(image) {
      const id = formatChannelArch(image);
      const entry = entries.get(id);
      if (entry === undefined) return;
      entry.ended.abort();
      entries.delete(id);
      await node.withdraw(bootRecordKey(image));
    },
    status() {
      const now = clock.now();
      return [...entries.values()].map((entry) => ({
        image: entry.advertisement.image,
        ...(entry.lastPublishedMs === undefined
          ? {}
          : { lastPublishedMs: entry.lastPublishedMs }),
        storedAt: entry.storedAt,
        ...(entry.isRunning
          ? {}
          : { nextRefreshMs: now + entry.dueMs - clock.monotonic() }),
        ...(entry.problem === undefined ? {} : { problem: entry.problem }),
      }));
    },
    async [Symbol.asyncDispose]() {
      stopWatching();
      closing.abort();
      await refreshing;
      const images = [...entries.values()].map((e) => e.advertisement.image);
      entries.clear();
      for (const image of images) await node.withdraw(bootRecordKey(image));
    },
  };
}
