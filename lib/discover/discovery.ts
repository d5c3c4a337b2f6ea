import {
  type ChannelArch,
  formatChannelArch,
  sameImage,
} from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";
import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import {
  type CandidateRefusal,
  mayPass,
  type RefusedCandidate,
} from "./candidate_refusal.ts";
import { type Attempt, CandidatePlaces } from "./candidate_places.ts";
import { betterFirst, type Provider } from "./provider.ts";
import type { Candidate, Finding } from "./source.ts";

/** All that a discovery learned. */
export interface Discovered {
  /** Best first; empty: not found. */
  readonly providers: readonly Provider[];
  /** Candidates that were not taken, in the order they failed. */
  readonly refused: readonly RefusedCandidate[];
  /**
   * Manifests that had not come when another's was taken, where not all are
   * wanted; without one, they are among the refused.
   */
  readonly unanswered: readonly URL[];
  /** Further images that exist, sorted. */
  readonly others: readonly ChannelArch[];
  /** What was tried and what did not work, in the sources' words. */
  readonly problems: readonly string[];
  /**
   * Whether it ended because time was up while there was still something to
   * ask.
   */
  readonly isTimeUp: boolean;
}

/** What to look for, and for how long. */
export interface DiscoveryOptions {
  /** The image wanted. */
  readonly image: ChannelArch;
  /** Bound on the whole discovery. */
  readonly timeoutMs: number;
  /** Whether to collect every provider until time is up, not the first. */
  readonly all: boolean;
  /**
   * Whether the search goes on after the first providers are known, until the
   * caller ends it.
   */
  readonly goesOn?: boolean;
  /**
   * Asked again about each that was taken: another provider may have shown
   * meanwhile that its keys were succeeded. @default {() => true}
   */
  readonly stillTrusts?: (verified: VerifiedManifest) => boolean;
}

/**
 * How long a good candidate waits for others that are being checked: the first
 * to answer may be a provider that serves an old image.
 */
const GRACE_MS = 250;

/**
 * How long the first candidate waits for others in any case: providers that
 * answer at once do so within a few milliseconds of each other. Meanwhile it is
 * fetched and verified, which takes as long.
 */
const SETTLE_MS = 5;

/** A provider that is busy or just starting is asked again after this time. */
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 8000;

/**
 * How long a provider has by one address before the next is tried too, unless
 * the one gave nothing sooner: a host that is not there costs no more, and one
 * that is slow is not asked twice (compare RFC 8305 section 5: up to 2 s).
 */
const NEXT_ADDRESS_MS = 1000;

/** More providers of one image than that make it no quicker to fetch. */
const MAX_GOING_ON = 32;

/** How many refusals are reported: the first ones. */
const MAX_REFUSED = 256;

/** For a candidate that was verified by keys no longer trusted. */
const SUCCEEDED: CandidateRefusal = {
  code: "unknown_key",
  message: "signed by keys that have been succeeded, as another provider shows",
};

/** For a candidate that was still being checked at the end. */
const UNANSWERED: CandidateRefusal = {
  code: "slow",
  message: "no complete answer before the timeout",
};

/**
 * The search for an image: decides which candidates are checked, how often, and
 * when enough is known. Asking, fetching and timers are the caller's: it calls
 * `tick` at `nextDueMs`, checks each candidate that a call returns, and then
 * calls `checked` or `checkFailed`. The search is over with the first good
 * candidate, or the newest of those checked at the same time, unless all are
 * wanted; and in any case when time is up, or no source and no candidate is
 * left.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #attempts = new CandidatePlaces();
  readonly #providers: Provider[] = [];
  /** The first URLs of providers that gave a good manifest. */
  readonly #found = new Set<string>();
  readonly #refused = new Map<string, RefusedCandidate>();
  readonly #others = new Map<string, ChannelArch>();
  /** By topic, if they have one. */
  readonly #problems = new Map<string, string>();
  readonly #startMs: number;
  #sourcesLeft: number;
  /** `SETTLE_MS` after the first candidate. */
  #settledMs = Infinity;
  /** When a good candidate has waited long enough for others. */
  #graceEndMs = Infinity;
  #isKnown = false;
  #isOver = false;
  #isTimeUp = false;

  /**
   * Starts without any candidate.
   *
   * @param sources how many are asked
   * @param nowMs monotonic, as all times here
   */
  constructor(options: DiscoveryOptions, sources: number, nowMs: number) {
    this.#options = options;
    this.#sourcesLeft = sources;
    this.#startMs = nowMs;
  }

  /** Whether `result` can be used; it is final unless the search goes on. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Whether `result` is final; nothing that comes later counts. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Whether a manifest is being checked, or a good one is about to be the
   * result.
   */
  get isChecking(): boolean {
    return this.#attempts.isAnyAwaited ||
      (!this.#options.all && this.#trusted().length > 0);
  }

  /** When `tick` has something to do next. */
  nextDueMs(): number {
    const endMs = this.#isKnown ? Infinity : this.#endMs();
    return Math.min(endMs, this.#attempts.nextDueMs());
  }

  /** Takes in what a source learned. */
  hear(
    finding: Exclude<Finding, { readonly kind: "peer" }>,
    nowMs: number,
  ): Candidate[] {
    if (this.#isOver) return [];
    switch (finding.kind) {
      case "candidate":
        this.#add(finding.candidate, nowMs);
        break;
      case "other":
        this.#others.set(formatChannelArch(finding.image), finding.image);
        break;
      case "problem":
        this.#problems.set(finding.topic ?? finding.message, finding.message);
    }
    return this.tick(nowMs);
  }

  /** Takes in what came of a check. */
  checked(
    { manifestUrl }: Candidate,
    result: Result<VerifiedManifest, CandidateRefusal>,
    nowMs: number,
  ): Candidate[] {
    const { href } = manifestUrl;
    const attempt = this.#attempts.get(href);
    if (this.#isOver || attempt === undefined) return [];
    endTry(attempt);
    if (result.ok) {
      this.#refused.delete(href);
      this.#take(attempt, result.value, nowMs);
    } else {
      if (this.#refused.size < MAX_REFUSED || this.#refused.has(href)) {
        this.#refused.set(href, refusedAs(attempt, result.reason));
      }
      const next = this.#attempts.values().find((other) =>
        other.providerHref === attempt.providerHref && !other.wasTried
      );
      if (next !== undefined) next.dueMs = nowMs;
      attempt.dueMs = Infinity;
      if (mayPass(result.reason)) {
        attempt.dueMs = nowMs + attempt.retryMs;
        attempt.retryMs = Math.min(2 * attempt.retryMs, MAX_RETRY_MS);
      }
    }
    return this.tick(nowMs);
  }

  /** Takes in that a check could not be made at all. */
  checkFailed(
    { manifestUrl }: Candidate,
    problem: string,
    nowMs: number,
  ): Candidate[] {
    const attempt = this.#attempts.get(manifestUrl.href);
    if (this.#isOver || attempt === undefined) return [];
    endTry(attempt);
    attempt.dueMs = Infinity;
    this.#problems.set(problem, problem);
    return this.tick(nowMs);
  }

  /** Takes in that a source learns nothing more, and why where it failed. */
  sourceEnded(problem: string | undefined, nowMs: number): Candidate[] {
    if (this.#isOver) return [];
    this.#sourcesLeft--;
    if (problem !== undefined) this.#problems.set(problem, problem);
    return this.tick(nowMs);
  }

  /** Does whatever is due. */
  tick(nowMs: number): Candidate[] {
    if (this.#isOver) return [];
    if (!this.#isKnown) {
      this.#isTimeUp = nowMs >= this.#deadlineMs();
      this.#isKnown = nowMs >= this.#endMs() || this.#isExhausted();
    }
    this.#isOver = this.#isKnown && !this.#goesOn();
    if (this.#isOver) return [];
    const isWanted = ({ providerHref }: Attempt) =>
      !this.#found.has(providerHref);
    return this.#attempts.take(nowMs, isWanted)
      .map(({ candidate }) => candidate);
  }

  /** Ends the check of a candidate whose place another has got. */
  endingOf({ manifestUrl }: Candidate): AbortSignal | undefined {
    return this.#attempts.get(manifestUrl.href)?.ending.signal;
  }

  /** What is known; final when `isOver`. */
  result(): Discovered {
    const providers = this.#trusted().sort(betterFirst);
    const refused = new Map(this.#refused);
    for (const provider of this.#providers) {
      const { manifestUrl } = provider.candidate;
      if (providers.includes(provider)) continue;
      refused.set(manifestUrl.href, { manifestUrl, refusal: SUCCEEDED });
    }
    const isWaitedFor = providers.length === 0 || this.#options.all;
    const open = [...this.#attempts.values()].filter((attempt) =>
      attempt.running > 0 && !refused.has(attempt.candidate.manifestUrl.href)
    );
    for (const attempt of isWaitedFor ? open : []) {
      const { href } = attempt.candidate.manifestUrl;
      refused.set(href, refusedAs(attempt, UNANSWERED));
    }
    return {
      providers,
      refused: [...refused.values()],
      unanswered: isWaitedFor
        ? []
        : open.map(({ candidate }) => candidate.manifestUrl),
      others: [...this.#others.values()].sort((a, b) =>
        formatChannelArch(a) < formatChannelArch(b) ? -1 : 1
      ),
      problems: [...this.#problems.values()],
      isTimeUp: this.#isTimeUp,
    };
  }

  #add(candidate: Candidate, nowMs: number): void {
    if (!sameImage(candidate.image, this.#options.image)) return;
    const { manifestUrl, otherUrls = [] } = candidate;
    const providerHref = manifestUrl.href;
    const known = this.#attempts.get(providerHref);
    if (known === undefined) {
      this.#settledMs = Math.min(this.#settledMs, nowMs + SETTLE_MS);
    } else if (known.providerHref !== providerHref) {
      // It was named before as another address of a provider. Now it counts as
      // its own candidate, or a stranger could keep it from being tried.
      known.providerHref = providerHref;
      if (!known.wasTried) known.dueMs = nowMs;
    }
    // Another address of a provider that gave nothing by the first one.
    const hasFailed = known?.wasTried === true && known.running === 0;
    const gapMs = hasFailed ? 0 : NEXT_ADDRESS_MS;
    for (const [i, url] of [manifestUrl, ...otherUrls].entries()) {
      const hasPlace = this.#attempts.add({
        candidate: { ...candidate, manifestUrl: url },
        providerHref,
        wasTried: false,
        running: 0,
        isSlow: false,
        startedMs: nowMs,
        ending: new AbortController(),
        dueMs: nowMs + i * gapMs,
        retryMs: FIRST_RETRY_MS,
      });
      if (!hasPlace) {
        const problem = "too many candidates at once, some were ignored";
        this.#problems.set(problem, problem);
      }
    }
  }

  #take(
    { candidate, providerHref }: Attempt,
    verified: VerifiedManifest,
    nowMs: number,
  ): void {
    if (this.#found.has(providerHref)) return; // by another address
    this.#found.add(providerHref);
    for (const attempt of this.#attempts.values()) {
      if (attempt.providerHref === providerHref) attempt.dueMs = Infinity;
    }
    const elapsedMs = nowMs - this.#startMs;
    this.#providers.push({ ...verified, candidate, elapsedMs });
    if (this.#options.all || this.#trusted().length > 1) return;
    this.#graceEndMs = nowMs + GRACE_MS;
  }

  #goesOn(): boolean {
    const { length } = this.#providers;
    return this.#options.goesOn === true && length < MAX_GOING_ON &&
      this.#trusted().length > 0;
  }

  #trusted(): Provider[] {
    const { stillTrusts = () => true } = this.#options;
    return this.#providers.filter(stillTrusts);
  }

  #deadlineMs(): number {
    return this.#startMs + this.#options.timeoutMs;
  }

  /** When time is up, or what was found has waited long enough for others. */
  #endMs(): number {
    const { all } = this.#options;
    const deadlineMs = this.#deadlineMs();
    if (this.#trusted().length === 0) return deadlineMs;
    // With nothing left to wait for, no grace period is needed.
    const settledMs = all || this.#attempts.isAnyAwaited
      ? Infinity
      : this.#settledMs;
    return Math.min(deadlineMs, this.#graceEndMs, settledMs);
  }

  /** Where every source has given up, the candidates at hand remain. */
  #isExhausted(): boolean {
    return this.#sourcesLeft === 0 &&
      this.#attempts.values().every(({ running, dueMs }) =>
        running === 0 && dueMs === Infinity
      );
  }
}

function refusedAs(
  { candidate: { manifestUrl }, providerHref }: Attempt,
  refusal: CandidateRefusal,
): RefusedCandidate {
  const refused = { manifestUrl, refusal };
  return manifestUrl.href === providerHref
    ? refused
    : { ...refused, isOtherAddress: true };
}

function endTry(attempt: Attempt): void {
  attempt.running--;
  attempt.isSlow &&= attempt.running > 0;
}
