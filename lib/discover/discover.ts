import { type Clock, sleep } from "../core/clock.ts";
import { DueTimer } from "../core/due_timer.ts";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/printable.ts";
import type { Result } from "../core/result.ts";
import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import type { CandidateRefusal } from "./candidate_refusal.ts";
import {
  type Discovered,
  Discovery,
  type DiscoveryOptions,
} from "./discovery.ts";
import type { Provider } from "./provider.ts";
import type { Candidate, Source } from "./source.ts";

/** How often progress is shown on a terminal. */
const PROGRESS_MS = 1000;

/**
 * All that a discovery learned. Its sources go on until it is disposed of,
 * which waits until each has closed what it had open: a booting box is told
 * the result first.
 */
export interface DiscoveryResult extends Discovered, AsyncDisposable {}

/** What to look for, and with what. */
export interface DiscoverOptions extends Omit<DiscoveryOptions, "goesOn"> {
  /** Asked at the same time. */
  readonly sources: readonly Source[];
  /** Fetches and judges a candidate's manifest. */
  readonly check: (
    candidate: Candidate,
    options: { readonly signal: AbortSignal },
  ) => Promise<Result<VerifiedManifest, CandidateRefusal>>;
  /** Hears of DHT nodes that can be joined through. */
  readonly onPeer?: (multiaddr: string) => void;
  /** Receives a line for each event. */
  readonly trace?: (line: string) => void;
  /** Receives the state of the search, every second. */
  readonly onProgress?: (soFar: Discovered) => void;
  /**
   * Receives each provider that is found after the result was known, from a
   * source that had found one before, until the result is disposed of.
   */
  readonly onFurther?: (provider: Provider) => void;
  /** Whose time passes. */
  readonly clock: Clock;
}

/**
 * Asks every source at once and checks every candidate as it comes in, under
 * one deadline. `Discovery` says when it ends.
 *
 * @throws UserError when a source cannot work as the program was started, the
 * signal's reason when it aborts
 */
export async function discover(
  options: DiscoverOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<DiscoveryResult> {
  signal.throwIfAborted();
  const search = new Search(options);
  const onAbort = () => search.end();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await search.over;
  } catch (error) {
    await search.end();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
  return {
    ...search.result(),
    [Symbol.asyncDispose]: () => search.end(),
  };
}

/** Does what a `Discovery` decides. */
class Search {
  readonly #options: DiscoverOptions;
  readonly #discovery: Discovery;
  readonly #deadlineMs: number;
  readonly #ending = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #timer: DueTimer;
  readonly #endings = new Map<Source, AbortController>();
  /** Providers that the caller knows; undefined before there is a result. */
  #told: Set<Provider> | undefined;
  readonly #trace: ((event: string) => void) | undefined;

  constructor(options: DiscoverOptions) {
    const { sources, trace, onProgress } = options;
    this.#options = options;
    const startMs = this.#nowMs();
    this.#trace = trace && ((event) => {
      const seconds = ((this.#nowMs() - startMs) / 1000).toFixed(3);
      trace(`${seconds} s: ${event}`);
    });
    this.#deadlineMs = startMs + options.timeoutMs;
    const goesOn = options.onFurther !== undefined;
    this.#discovery = new Discovery(
      { ...options, goesOn },
      sources.length,
      this.#nowMs(),
    );
    const tick = () => this.#checkAll(this.#discovery.tick(this.#nowMs()));
    this.#timer = new DueTimer(options.clock, tick);
    for (const source of sources) this.#start(this.#ask(source));
    tick();
    if (onProgress !== undefined) this.#start(this.#report(onProgress));
  }

  /** Resolves when the result is final, or the search was ended. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** What was learned. */
  result(): Discovered {
    return this.#discovery.result();
  }

  /** Ends all running work, and waits until everything is closed. */
  async end(): Promise<void> {
    this.#timer.set(Infinity);
    this.#ending.abort();
    this.#over.resolve();
    await Promise.all(this.#tasks);
  }

  async #ask(source: Source): Promise<void> {
    const ending = new AbortController();
    this.#endings.set(source, ending);
    const signal = AbortSignal.any([this.#ending.signal, ending.signal]);
    const isChecking = () => this.#discovery.isChecking;
    const trace = this.#trace;
    let problem: string | undefined;
    try {
      const { image } = this.#options;
      const options = {
        signal,
        isChecking,
        deadlineMs: this.#deadlineMs,
        ...trace !== undefined && { trace },
      };
      for await (const finding of source.find(image, options)) {
        if (this.#discovery.isOver) continue;
        if (finding.kind === "candidate") trace?.(heard(finding.candidate));
        if (finding.kind === "peer") this.#options.onPeer?.(finding.multiaddr);
        else this.#checkAll(this.#discovery.hear(finding, this.#nowMs()));
      }
    } catch (error) {
      // The program has to be started in another way: waiting would not help.
      if (error instanceof UserError) this.#over.reject(error);
      problem = `${source.name}: ${messageOf(error)}`;
    }
    this.#checkAll(this.#discovery.sourceEnded(problem, this.#nowMs()));
  }

  async #check(candidate: Candidate): Promise<void> {
    const ending = this.#discovery.endingOf(candidate);
    const signal = ending === undefined
      ? this.#ending.signal
      : AbortSignal.any([this.#ending.signal, ending]);
    const { href } = candidate.manifestUrl;
    try {
      this.#trace?.(`asking for ${href}`);
      const result = await this.#options.check(candidate, { signal });
      this.#trace?.(
        result.ok
          ? `accepted ${href}, manifest_version ${result.value.manifest.manifestVersion}`
          : `not accepted ${href}: ${result.reason.message} (${result.reason.code})`,
      );
      this.#checkAll(this.#discovery.checked(candidate, result, this.#nowMs()));
    } catch (error) {
      const problem = messageOf(error);
      this.#checkAll(
        this.#discovery.checkFailed(candidate, problem, this.#nowMs()),
      );
    }
  }

  async #report(onProgress: (soFar: Discovered) => void): Promise<void> {
    const { signal } = this.#ending;
    try {
      while (!this.#discovery.isKnown) {
        await sleep(this.#options.clock, PROGRESS_MS, { signal });
        if (!this.#discovery.isKnown) onProgress(this.result());
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Starts the checks that are due, and waits for the next. */
  #checkAll(candidates: readonly Candidate[]): void {
    if (this.#ending.signal.aborted) return;
    for (const candidate of candidates) this.#start(this.#check(candidate));
    const { isOver, isKnown } = this.#discovery;
    this.#timer.set(isOver ? Infinity : this.#discovery.nextDueMs());
    if (isKnown) this.#over.resolve();
    const { onFurther } = this.#options;
    if (isKnown && onFurther !== undefined) this.#goOn(onFurther);
  }

  /** Reports providers that are found after the result. */
  #goOn(onFurther: (provider: Provider) => void): void {
    const { providers } = this.result();
    if (this.#told === undefined) {
      this.#told = new Set(providers);
      // For an image on the LAN the DHT is not loaded, which would keep a small
      // board busy for a while.
      const names = new Set(providers.map(({ candidate }) => candidate.source));
      for (const [{ name }, ending] of this.#endings) {
        if (!names.has(name)) ending.abort();
      }
    }
    for (const provider of providers) {
      if (this.#told.has(provider)) continue;
      this.#told.add(provider);
      onFurther(provider);
    }
  }

  #start(task: Promise<void>): void {
    this.#tasks.add(task);
    task.finally(() => this.#tasks.delete(task));
  }

  #nowMs(): number {
    return this.#options.clock.monotonic();
  }
}

function heard(candidate: Candidate): string {
  const { source, manifestUrl, otherUrls = [], version } = candidate;
  const urls = [manifestUrl, ...otherUrls].map((url) => url.href).join(", ");
  const { providerName = "without a name", peerId } = candidate;
  return `${source}: heard of ${urls}, version ${version}, of a provider ${providerName}${
    peerId === undefined ? "" : ` (${peerId})`
  }`;
}
