import { BoundedMap } from "../core/bounded_map.ts";
import type { Candidate } from "./source.ts";
import { Turns } from "./turns.ts";

/** The tries to get one candidate's manifest by one URL. */
export interface Attempt {
  /** The candidate, with the URL being tried. */
  readonly candidate: Candidate;
  /** The first URL of the provider that it is of. */
  providerHref: string;
  /** Whether it was begun once. */
  wasTried: boolean;
  /** Tries that have not ended. */
  running: number;
  /** Whether its first check takes long, so that nothing waits for it. */
  isSlow: boolean;
  /** When the first of those began. */
  startedMs: number;
  /** Ends its tries, when its place is given to another. */
  readonly ending: AbortController;
  /** When to try next; `Infinity` when it is settled. */
  dueMs: number;
  /** How long to wait when the next try fails, too. */
  retryMs: number;
}

/** Candidates that are known at once: more are an attack, or a wrong network. */
const MAX_PLACES = 1024;
/** Checked at once: a manifest takes up to 1 MiB, and a stranger its time. */
const MAX_RUNNING = 64;
/**
 * An answer that takes longer is waited for as long as the whole discovery, as
 * it may be all that there is: a link with 1.6 s each way needs 6.4 s, half of
 * them to connect. It is asked for once more besides, since a provider that was
 * cut off in the midst of the first try never ends it. Where others wait for
 * their turn, it is given up instead.
 */
const SLOW_AFTER_MS = 3000;
const MAX_TRIES_AT_ONCE = 2;
/** How many settled attempts are remembered. */
const MAX_SETTLED = 8192;

/**
 * The places for candidates of a discovery. A source that names many waits for
 * those that name few: candidates take turns by source, host and port. A place
 * is freed when it is needed and its candidate was refused, is waiting for a
 * retry, or comes from the host that holds most places.
 */
export class CandidatePlaces {
  /** By URL, in the order in which they were named. */
  readonly #attempts = new Map<string, Attempt>();
  readonly #settled = new BoundedMap<string, true>(
    MAX_SETTLED,
    "forget oldest",
  );
  readonly #turns = new Turns();

  /** The attempt at a URL. */
  get(href: string): Attempt | undefined {
    return this.#attempts.get(href);
  }

  /** All of them, in the order they were heard of. */
  values(): MapIterator<Attempt> {
    return this.#attempts.values();
  }

  /** Whether a manifest is being fetched that is not known to take long. */
  get isAnyAwaited(): boolean {
    return this.#attempts.values().some(({ running, isSlow }) =>
      running > 0 && !isSlow
    );
  }

  /** When `take` has something to give next. */
  nextDueMs(): number {
    const all = [...this.#attempts.values()];
    const nextMs = Math.min(...all.map(({ dueMs }) => dueMs));
    if (this.#running() < MAX_RUNNING) return nextMs;
    // When one has ended, or may be given up.
    const slowMs = all.filter(({ running }) => running > 0)
      .map(({ startedMs }) => startedMs + SLOW_AFTER_MS);
    return Math.max(nextMs, Math.min(...slowMs));
  }

  /**
   * Gives an attempt a place, unless its URL has or had one.
   *
   * @returns false when there is no room
   */
  add(attempt: Attempt): boolean {
    const { href } = attempt.candidate.manifestUrl;
    if (this.#attempts.has(href) || this.#settled.has(href)) return true;
    if (this.#attempts.size >= MAX_PLACES && !this.#makeRoom(attempt)) {
      return false;
    }
    this.#attempts.set(href, attempt);
    return true;
  }

  /**
   * Begins those that are due, as many as may run at once.
   *
   * @param isWanted whether one is still to be tried; else it is settled
   */
  take(nowMs: number, isWanted: (attempt: Attempt) => boolean): Attempt[] {
    const due = [...this.#attempts.values()]
      .filter(({ dueMs }) => dueMs <= nowMs)
      .map((attempt) => ({ attempt, keys: turnKeys(attempt) }));
    const taken: Attempt[] = [];
    while (due.length > 0) {
      const isFull = this.#running() >= MAX_RUNNING;
      const slow = isFull ? this.#slowest(nowMs) : undefined;
      if (isFull && slow === undefined) break;
      const first = this.#turns.firstOf(due.map(({ keys }) => keys));
      const [next] = due.splice(first, 1);
      if (next === undefined) break;
      const { attempt } = next;
      if (!isWanted(attempt)) {
        attempt.dueMs = Infinity;
        continue;
      }
      if (slow !== undefined) {
        if (!this.#goesBefore(attempt, slow)) continue;
        this.#giveUp(slow);
      }
      this.#begin(attempt, nowMs);
      taken.push(attempt);
    }
    return taken;
  }

  #begin(attempt: Attempt, nowMs: number): void {
    attempt.wasTried = true;
    attempt.isSlow = attempt.running > 0;
    if (attempt.running === 0) attempt.startedMs = nowMs;
    attempt.running++;
    attempt.dueMs = attempt.running < MAX_TRIES_AT_ONCE
      ? nowMs + SLOW_AFTER_MS
      : Infinity;
    this.#turns.took(turnKeys(attempt));
  }

  /** One that has long been silent, of the host that has most of them. */
  #slowest(nowMs: number): Attempt | undefined {
    const slow = [...this.#attempts.values()].filter((one) =>
      one.running > 0 && one.startedMs + SLOW_AFTER_MS <= nowMs
    );
    const byHost = Map.groupBy(slow, hostOf);
    return [...byHost.values()]
      .reduce((most, one) => one.length > most.length ? one : most, [])[0];
  }

  /** Whether a first try is worth more than one that has long been silent. */
  #goesBefore(attempt: Attempt, slow: Attempt): boolean {
    const running = (host: string) =>
      this.#attempts.values()
        .filter((one) => one.running > 0 && hostOf(one) === host)
        .toArray().length;
    const [host, slowHost] = [hostOf(attempt), hostOf(slow)];
    return attempt.running === 0 &&
      (host === slowHost || running(host) < running(slowHost));
  }

  /** Ends all tries of one candidate. */
  #giveUp({ candidate, ending }: Attempt): void {
    const { href } = candidate.manifestUrl;
    this.#attempts.delete(href);
    this.#settled.set(href, true);
    ending.abort();
  }

  #running(): number {
    let count = 0;
    for (const { running } of this.#attempts.values()) count += running;
    return count;
  }

  #makeRoom({ candidate }: Attempt): boolean {
    const idle = [...this.#attempts.values()]
      .filter(({ running }) => running === 0);
    const perHost = Map.groupBy(this.#attempts.values(), hostOf);
    const placesOf = (host: string) => perHost.get(host)?.length ?? 0;
    const most = ([first, ...others]: readonly Attempt[]) =>
      others.reduce(
        (most, one) =>
          most === undefined || placesOf(hostOf(one)) > placesOf(hostOf(most))
            ? one
            : most,
        first,
      );
    const last = most(idle);
    const victim =
      idle.find(({ wasTried, dueMs }) => wasTried && dueMs === Infinity) ??
        most(idle.filter(({ wasTried }) => wasTried)) ??
        (last !== undefined && placesOf(hostOf(last)) >
            placesOf(candidate.manifestUrl.hostname) + 1
          ? last
          : undefined);
    if (victim === undefined) return false;
    const { href } = victim.candidate.manifestUrl;
    this.#attempts.delete(href);
    // One that has not been tried may be named again.
    if (victim.wasTried) this.#settled.set(href, true);
    return true;
  }
}

function hostOf({ candidate }: Attempt): string {
  return candidate.manifestUrl.hostname;
}

/** What candidates take turns by, from coarse to fine. */
function turnKeys({ candidate: { source, manifestUrl } }: Attempt): string[] {
  const { hostname, host } = manifestUrl;
  return [source, `${source} ${hostname}`, `${source} ${host}`];
}
