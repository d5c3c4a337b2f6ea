import type { Bell } from "../core/bell.ts";
import { type Clock, sleep } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import type { ArtifactWatcher } from "../scan/artifact_watcher.ts";
import type { ScanSettings } from "../scan/scan_available.ts";
import { QUIET_MS } from "../scan/settling.ts";
import type { ImageLibrary } from "./image_library.ts";
import type { Reconciler } from "./reconciler.ts";

/** What a look at the disk takes. */
export interface DiskLook {
  /** What is served. */
  readonly library: ImageLibrary;
  /** Rings the bell when something changes on disk. */
  readonly watcher: ArtifactWatcher;
  /** Where images are looked for, which may change. */
  readonly settings: () => ScanSettings;
  /** The time. */
  readonly clock: Clock;
  /** Gets one line for each trouble. */
  readonly logger: Logger;
}

/** What the loop of a provider works with. */
export interface OfferLoop extends DiskLook {
  /** Publishes and withdraws. */
  readonly reconciler: Reconciler;
  /** Rung when there may be something to do. */
  readonly bell: Bell;
  /** Called after the first round. */
  readonly onReady: () => void;
}

/** How often the disk is looked at while it cannot be watched. */
const RESCAN_MS = 5000;
/** The same while it is watched: events can be lost. */
const WATCHED_RESCAN_MS = 30_000;
/** Such looks may take this share of the time. */
const MAX_SCAN_SHARE = 0.05;
/** Those with a reason may take more. */
const MAX_EVENT_SHARE = 0.5;
/** A copy or a removal is many events: they are waited for together. */
const COALESCE_MS = 100;
/** Events in a directory made just now may be missed, so it is seen twice. */
const FOLLOW_UP_MS = 1000;
/** A fault on disk that is gone sooner is not worth a line. */
const WARN_AFTER_MS = 2000;

/**
 * Looks at the disk until what lies there is served. Files that were written
 * just now are waited for once, as they would be later: an image that is copied
 * right before the start is to be offered as well.
 *
 * @throws UserError when the artifacts directory itself cannot be read
 */
export async function offerFirst(
  { library, watcher, settings, clock }: DiskLook,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const endMs = clock.monotonic() + 1.5 * QUIET_MS;
  await watcher.update(settings(), { signal });
  await library.refresh({ signal });
  const tree = await library.tree();
  // Several times, since files that were written one after the other also
  // settle one after the other.
  while (true) {
    const { lookAgainInMs } = tree;
    if (
      lookAgainInMs === undefined || clock.monotonic() + lookAgainInMs > endMs
    ) return;
    await sleep(clock, lookAgainInMs, { signal });
    await library.refresh({ signal });
  }
}

/**
 * Keeps serving what the disk holds and telling the network of it until the
 * signal aborts. Start-up, events, timers and new settings all lead to the
 * same round, one at a time.
 */
export async function keepOffering(
  loop: OfferLoop,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { library, reconciler, bell, clock, onReady } = loop;
  const tree = await library.tree();
  const look = lookWith(loop);
  let hashing: Promise<void> | undefined;
  const hash = async () => {
    try {
      await tree.hashPending({ signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    hashing = undefined;
    bell.ring();
  };
  // The first round is not cut short: its lines are to come in their order.
  let interrupt: AbortSignal | undefined;
  let wasRung = false;
  let hasSeenAll = true;
  try {
    for (let scanMs = 0;;) {
      // Beside the rounds, so that what is gone is withdrawn meanwhile.
      if (tree.hasPending) hashing ??= hash();
      const offer = { images: library.images(), missing: library.missing };
      await reconciler.reconcile(offer, {
        ...interrupt !== undefined && { interrupt },
        signal,
      });
      if (interrupt === undefined) onReady();
      const waitMs = waitFor(loop, {
        lookAgainInMs: tree.lookAgainInMs,
        hasSeenAll,
        wasRung,
        scanMs,
      });
      wasRung = await waitForNews(loop, waitMs, { signal });
      if (wasRung) {
        const pauseMs = Math.max(
          COALESCE_MS,
          scanMs / MAX_EVENT_SHARE - scanMs,
        );
        await sleep(clock, pauseMs, { signal });
      }
      bell.reset();
      interrupt = bell.signal;
      const startMs = clock.monotonic();
      hasSeenAll = await look({ signal });
      scanMs = clock.monotonic() - startMs;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await hashing;
  }
}

/**
 * Waits for the bell, or until time is up. A directory that is unmounted or
 * mounted over causes no event, so that is looked for now and then.
 *
 * @returns whether there is news
 */
async function waitForNews(
  { bell, watcher, settings, clock }: OfferLoop,
  waitMs: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<boolean> {
  for (let leftMs = waitMs;; leftMs -= RESCAN_MS) {
    const stepMs = Math.min(leftMs, RESCAN_MS);
    if (await bell.wait(clock, stepMs, { signal })) return true;
    if (leftMs <= RESCAN_MS) return false;
    if (await watcher.update(settings(), { signal })) return true;
  }
}

/** How long until the next round, unless the bell rings. */
function waitFor(
  { library, watcher, reconciler }: OfferLoop,
  { lookAgainInMs, hasSeenAll, wasRung, scanMs }: {
    readonly lookAgainInMs: number | undefined;
    /** Whether the last look was possible. */
    readonly hasSeenAll: boolean;
    readonly wasRung: boolean;
    /** How long the last look took. */
    readonly scanMs: number;
  },
): number {
  // A later round logs what can be found by then, and tries again what could
  // not be signed or looked at.
  const isDone = hasSeenAll && !reconciler.hasUnannounced &&
    !library.isIncomplete;
  const rescanMs = watcher.isWatching && isDone ? WATCHED_RESCAN_MS : RESCAN_MS;
  const wantedMs = Math.min(
    lookAgainInMs ?? Infinity,
    wasRung ? FOLLOW_UP_MS : Infinity,
    library.hasUnsaidWarning ? WARN_AFTER_MS : Infinity,
  );
  return Math.min(
    Math.max(rescanMs, scanMs / MAX_SCAN_SHARE),
    Math.max(wantedMs, scanMs / MAX_EVENT_SHARE, COALESCE_MS),
  );
}

/**
 * Makes the look of every round: trouble with the disk is logged once, and
 * does not end the loop.
 *
 * @returns whether the look was possible
 */
function lookWith(
  { library, watcher, settings, logger }: DiskLook,
): (options: { readonly signal: AbortSignal }) => Promise<boolean> {
  let lastProblem: string | undefined;
  return async ({ signal }) => {
    try {
      await watcher.update(settings(), { signal });
      await library.look({ warnAfterMs: WARN_AFTER_MS, signal });
      lastProblem = undefined;
      return true;
    } catch (error) {
      signal.throwIfAborted();
      await library.dropLost();
      const problem = messageOf(error);
      if (problem !== lastProblem) {
        logger.warn(`${problem}; only what can still be read is offered`);
      }
      lastProblem = problem;
      return false;
    }
  };
}
