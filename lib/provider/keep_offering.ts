import type { Bell } from "../core/bell.ts";
import { type Clock, sleep } from "../core/clock.ts";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/printable.ts";
import type { ArtifactWatcher } from "../scan/artifact_watcher.ts";
import type { ImageTree, LookAt } from "../scan/image_tree.ts";
import type { ScanSettings } from "../scan/scan_available.ts";
import { CLOSED_QUIET_MS, QUIET_MS } from "../scan/settling.ts";
import type { ImageLibrary } from "./image_library.ts";
import type { Reconciler } from "./reconciler.ts";

/** What a look at the disk needs. */
export interface DiskLook {
  /** What is served. */
  readonly library: ImageLibrary;
  /** Rings the bell when something changes on disk. */
  readonly watcher: ArtifactWatcher;
  /** Where to look for images; it may change. */
  readonly settings: () => ScanSettings;
  /** The time. */
  readonly clock: Clock;
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

/** How often the disk is looked at if it cannot be watched. */
const RESCAN_MS = 5000;
/** The same while it is watched: events can be lost. */
const WATCHED_RESCAN_MS = 30_000;
/** Looks without a reason may take this share of the time. */
const MAX_SCAN_SHARE = 0.05;
/** The same while it is watched. */
const MAX_WATCHED_SCAN_SHARE = 0.02;
/** Looks with a reason may take more. */
const MAX_EVENT_SHARE = 0.5;
/** A copy or a removal is many events: they are waited for together. */
const COALESCE_MS = 100;
/**
 * Events in a directory made just now may be missed, so it is seen twice: after
 * what was moved into place has settled, with the look that takes note of that.
 */
const FOLLOW_UP_MS = CLOSED_QUIET_MS + COALESCE_MS;
/** A fault on disk that is gone sooner is not worth a line. */
const WARN_AFTER_MS = 2000;

/**
 * Looks at the disk until everything there is served. Files written just before
 * the start are waited for once, as they would be later, so that an image
 * copied right before is offered as well.
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
  let hasSeenAll = true;
  let lastSweep = { tookMs: 0, endMs: clock.monotonic() };
  // How long a look at changes took last.
  let tookMs = 0;
  try {
    while (true) {
      // Beside the rounds, so that what is gone is withdrawn meanwhile.
      if (tree.hasPending) hashing ??= hash();
      const offer = { images: library.images(), missing: library.missing };
      await reconciler.reconcile(offer, {
        ...interrupt !== undefined && { interrupt },
        signal,
      });
      if (interrupt === undefined) onReady();
      const sweepMs = lastSweep.endMs +
        sweepInMs(loop, tree, { hasSeenAll, tookMs: lastSweep.tookMs });
      const waitMs = Math.min(
        lookAgainInMs(loop, tree, tookMs),
        sweepMs - clock.monotonic(),
      );
      if (await waitForNews(loop, tree, waitMs, { signal })) {
        await sleep(clock, pauseMs(tookMs), { signal });
      }
      bell.reset();
      interrupt = bell.signal;
      const startMs = clock.monotonic();
      const isSweep = startMs >= sweepMs;
      const at = isSweep ? "changes and more" : "changes";
      hasSeenAll = await look({ at, signal });
      const endMs = clock.monotonic();
      if (isSweep) lastSweep = { tookMs: endMs - startMs, endMs };
      else tookMs = endMs - startMs;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await hashing;
    await tree.save();
  }
}

/**
 * Waits for an event or a timeout. Unmounting a directory, or mounting over it,
 * causes no event, so that is checked now and then, as is other content of
 * files whose times do not show it.
 *
 * @returns whether there is news
 */
async function waitForNews(
  { bell, watcher, settings, clock }: OfferLoop,
  tree: ImageTree,
  waitMs: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<boolean> {
  for (let leftMs = waitMs;; leftMs -= RESCAN_MS) {
    const stepMs = Math.min(leftMs, RESCAN_MS);
    if (await bell.wait(clock, Math.max(0, stepMs), { signal })) return true;
    if (leftMs <= RESCAN_MS) return false;
    if (await watcher.update(settings(), { signal })) {
      tree.noteChange([]);
      return true;
    }
    if (await tree.hasMoved()) return true;
    if (await tree.hasOtherContent()) return true;
  }
}

/** How long after the last look without a reason the next one is due. */
function sweepInMs(
  { library, watcher, reconciler }: OfferLoop,
  tree: ImageTree,
  { hasSeenAll, tookMs }: {
    /** Whether the last look was possible. */
    readonly hasSeenAll: boolean;
    readonly tookMs: number;
  },
): number {
  // A later round logs what can be found by then, and retries what could not be
  // signed or read.
  const isDone = hasSeenAll && !reconciler.hasUnannounced &&
    !library.isIncomplete;
  const isTold = watcher.isWatching && !tree.isSilent;
  const share = isTold ? MAX_WATCHED_SCAN_SHARE : MAX_SCAN_SHARE;
  const rescanMs = isTold && isDone && !tree.isLarge
    ? WATCHED_RESCAN_MS
    : RESCAN_MS;
  return Math.max(rescanMs, tookMs / share);
}

/** How long more events are waited for after the first. */
function pauseMs(tookMs: number): number {
  return Math.max(COALESCE_MS, tookMs / MAX_EVENT_SHARE - tookMs);
}

/** How long until a look at what may have changed, unless the bell rings. */
function lookAgainInMs(
  { library }: OfferLoop,
  tree: ImageTree,
  tookMs: number,
): number {
  const wantedMs = Math.min(
    tree.lookAgainInMs ?? Infinity,
    tree.hasNoted ? FOLLOW_UP_MS : Infinity,
    library.hasUnsaidWarning ? WARN_AFTER_MS : Infinity,
  );
  return Math.max(wantedMs, tookMs / MAX_EVENT_SHARE, COALESCE_MS);
}

/** How to look at the disk. */
interface LookOptions {
  readonly at: LookAt;
  readonly signal: AbortSignal;
}

/**
 * Makes the look of every round: trouble with the disk is logged once, and
 * does not end the loop.
 *
 * @returns whether the look was possible
 */
function lookWith(
  { library, watcher, settings, clock }: DiskLook,
): (options: LookOptions) => Promise<boolean> {
  const look = async (options: LookOptions) => {
    const tree = await library.tree();
    // What was not watched until now has told nothing.
    if (await watcher.update(settings(), options)) tree.noteChange([]);
    await tree.hasMoved();
    await library.look({ ...options, warnAfterMs: WARN_AFTER_MS });
    if (tree.takeUnwatched()) watcher.renew();
  };
  const lookTwice = async (options: LookOptions) => {
    try {
      await look(options);
    } catch {
      // A link that is set anew is gone for a moment.
      await sleep(clock, COALESCE_MS, options);
      await look(options);
    }
  };
  return async (options) => {
    try {
      await lookTwice(options);
      return true;
    } catch (error) {
      options.signal.throwIfAborted();
      const problem = error instanceof UserError
        ? error.message
        : messageOf(error);
      await library.dropLost(
        `${problem}; only what can still be read is offered`,
      );
      return false;
    }
  };
}
