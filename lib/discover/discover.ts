import { whenAborted } from "../core/abort.ts";
import {
  type ChannelArch,
  formatChannelArch,
  sameImage,
} from "../core/channel_arch.ts";
import { type Clock, deadline, sleep } from "../core/clock.ts";
import { messageOf } from "../core/printable.ts";
import type { Result } from "../core/result.ts";
import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import {
  type CandidateRefusal,
  mayPass,
  type RefusedCandidate,
} from "./candidate_refusal.ts";
import type { Candidate, Finding, Source } from "./source.ts";

/** A candidate whose manifest was fetched and passed every check. */
export interface Provider extends VerifiedManifest {
  /** Where it came from. */
  readonly candidate: Candidate;
  /** From the start of the discovery. */
  readonly elapsedMs: number;
}

/**
 * All that a discovery learned. Its sources go on until it is disposed of,
 * which waits until each has closed what it had open: a booting box is told
 * the result first.
 */
export interface DiscoveryResult extends AsyncDisposable {
  /** Best first; empty: not found. */
  readonly providers: readonly Provider[];
  /** Candidates that were not taken, in the order they failed. */
  readonly refused: readonly RefusedCandidate[];
  /** Further images that exist, sorted. */
  readonly others: readonly ChannelArch[];
  /** What was tried and what did not work, in the sources' words. */
  readonly problems: readonly string[];
}

/** What to look for, and with what. */
export interface DiscoverOptions {
  /** The image wanted. */
  readonly image: ChannelArch;
  /** Bound on the whole discovery. */
  readonly timeoutMs: number;
  /** Asked at the same time. */
  readonly sources: readonly Source[];
  /** Fetches and judges a candidate's manifest. */
  readonly check: (
    candidate: Candidate,
    options: { readonly signal: AbortSignal },
  ) => Promise<Result<VerifiedManifest, CandidateRefusal>>;
  /**
   * Asked again about each that was taken: another provider may have shown
   * meanwhile that its keys were succeeded. @default {() => true}
   */
  readonly stillTrusts?: (verified: VerifiedManifest) => boolean;
  /** Hears of DHT nodes that can be joined through. */
  readonly onPeer?: (multiaddr: string) => void;
  /** Whether to collect every provider instead of the first. */
  readonly all: boolean;
  /** Whose time passes. */
  readonly clock: Clock;
}

/** With `all`: how long to wait for one more after the last. */
const QUIET_MS = 2000;

/**
 * How long a good candidate waits for others that are being checked: the one
 * that answers first may be an old image served by somebody who never lets go.
 */
const GRACE_MS = 250;

/**
 * How long the first candidate waits for others in any case: those who answer
 * at once do so within a few milliseconds of each other. It is fetched and
 * verified meanwhile, which takes as long.
 */
const SETTLE_MS = 5;

/** A provider that is busy or just starting is asked again after this time. */
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 8000;

/** More candidates than this are an attack, or a network to be mended first. */
const MAX_CANDIDATES = 256;

/** Of a candidate that was verified by keys which are trusted no longer. */
const SUCCEEDED: CandidateRefusal = {
  code: "unknown_key",
  message: "signed by keys that others succeeded, as another provider shows",
};

/** Of a candidate whose first check was under way at the end. */
const UNANSWERED: CandidateRefusal = {
  code: "slow",
  message: "no complete answer before the timeout",
};

/**
 * Asks every source at once and checks every candidate as it comes in, under
 * one deadline. Ends with the first good one, or the newest of those that are
 * checked at the same time; with `all`, when no further one has come for 2 s.
 *
 * @throws the signal's reason, when it aborts
 */
export async function discover(
  options: DiscoverOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<DiscoveryResult> {
  const { image, sources, check, clock, stillTrusts = () => true } = options;
  signal.throwIfAborted();
  const startMs = clock.monotonic();
  const providers: Provider[] = [];
  const refused = new Map<string, RefusedCandidate>();
  const others = new Map<string, ChannelArch>();
  const problems = new Set<string>();
  const seenUrls = new Set<string>();
  const checks = new Set<Promise<void>>();
  const awaited = new Set<Candidate>();
  let beingChecked = 0;
  let settledMs = Infinity;

  let isOver = false;
  const found = Promise.withResolvers<void>();
  const ending = new AbortController();
  const ended = ending.signal;
  using limit = deadline(clock, options.timeoutMs, { signal });
  const endAll = () => ending.abort(limit.signal.reason);
  limit.signal.addEventListener("abort", endAll, { once: true });
  let cancelTimer = () => {};
  let cancelSettling = () => {};

  const trusted = () => providers.filter(stillTrusts);
  const isChecking = () =>
    beingChecked > 0 || (!options.all && trusted().length > 0);
  const endIfFound = () => {
    if (trusted().length > 0) found.resolve();
  };
  const endIfSettled = () => {
    if (isOver || options.all || beingChecked > 0) return;
    const leftMs = settledMs - clock.monotonic();
    cancelSettling();
    if (leftMs <= 0) endIfFound();
    else cancelSettling = clock.setTimer(endIfSettled, leftMs);
  };
  const take = (provider: Provider) => {
    providers.push(provider);
    if (!options.all && trusted().length > 1) return; // The grace is running.
    cancelTimer();
    cancelTimer = clock.setTimer(
      endIfFound,
      options.all ? QUIET_MS : GRACE_MS,
    );
  };
  /** @returns whether it is worth another try */
  const checkOnce = async (candidate: Candidate): Promise<boolean> => {
    beingChecked++;
    awaited.add(candidate);
    try {
      const result = await check(candidate, { signal: ended });
      if (isOver || ended.aborted) return false;
      awaited.delete(candidate);
      const { manifestUrl } = candidate;
      if (result.ok) {
        refused.delete(manifestUrl.href);
        const elapsedMs = clock.monotonic() - startMs;
        take({ ...result.value, candidate, elapsedMs });
        return false;
      }
      refused.set(manifestUrl.href, { manifestUrl, refusal: result.reason });
      return mayPass(result.reason);
    } finally {
      beingChecked--;
      endIfSettled();
    }
  };
  const checkCandidate = async (candidate: Candidate) => {
    let delayMs = FIRST_RETRY_MS;
    try {
      while (await checkOnce(candidate)) {
        await sleep(clock, delayMs, { signal: ended });
        delayMs = Math.min(2 * delayMs, MAX_RETRY_MS);
      }
    } catch (error) {
      if (ended.aborted) return;
      awaited.delete(candidate);
      problems.add(messageOf(error));
    }
  };
  const hear = (finding: Finding) => {
    switch (finding.kind) {
      case "candidate": {
        const { candidate } = finding;
        const { href } = candidate.manifestUrl;
        if (!sameImage(candidate.image, image) || seenUrls.has(href)) return;
        if (seenUrls.size >= MAX_CANDIDATES) {
          problems.add(`more than ${MAX_CANDIDATES} candidates, rest ignored`);
          return;
        }
        seenUrls.add(href);
        settledMs = Math.min(settledMs, clock.monotonic() + SETTLE_MS);
        const checking = checkCandidate(candidate);
        checks.add(checking);
        checking.finally(() => checks.delete(checking));
        return;
      }
      case "other":
        others.set(formatChannelArch(finding.image), finding.image);
        return;
      case "peer":
        options.onPeer?.(finding.multiaddr);
        return;
      case "problem":
        problems.add(finding.message);
    }
  };
  const ask = async (source: Source) => {
    try {
      const asking = source.find(image, { signal: ended, isChecking });
      for await (const finding of asking) hear(finding);
    } catch (error) {
      if (!ended.aborted) problems.add(`${source.name}: ${messageOf(error)}`);
    }
  };

  const over = Promise.race([found.promise, whenAborted(ended)]);
  const asked = Promise.all(sources.map(ask));
  await Promise.race([asked, over]);
  // Where every source has given up, the candidates at hand remain.
  await Promise.race([Promise.all(checks), over]);
  isOver = true;
  cancelTimer();
  cancelSettling();
  signal.throwIfAborted();
  for (const provider of providers) {
    const { manifestUrl } = provider.candidate;
    if (stillTrusts(provider)) continue;
    refused.set(manifestUrl.href, { manifestUrl, refusal: SUCCEEDED });
  }
  const accepted = trusted().sort(betterFirst);
  for (const { manifestUrl } of accepted.length === 0 ? awaited : []) {
    const { href } = manifestUrl;
    if (!refused.has(href)) {
      refused.set(href, { manifestUrl, refusal: UNANSWERED });
    }
  }
  return {
    providers: accepted,
    refused: [...refused.values()],
    others: [...others.values()].sort((a, b) =>
      formatChannelArch(a) < formatChannelArch(b) ? -1 : 1
    ),
    problems: [...problems],
    async [Symbol.asyncDispose]() {
      ending.abort();
      await Promise.all([asked, ...checks]);
    },
  };
}

/** Verified, then newer, then on the LAN, then quicker. */
function betterFirst(a: Provider, b: Provider): number {
  const onLan = ({ candidate }: Provider) => candidate.source === "mdns";
  return Number(b.verifiedBy.length > 0) - Number(a.verifiedBy.length > 0) ||
    b.manifest.manifestVersion - a.manifest.manifestVersion ||
    Number(onLan(b)) - Number(onLan(a)) ||
    a.elapsedMs - b.elapsedMs;
}
