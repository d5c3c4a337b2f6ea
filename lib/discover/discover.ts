import type { Clock } from "../core/clock.ts";
import { DueTimer } from "../core/due_timer.ts";
import { messageOf } from "../core/printable.ts";
import type { Result } from "../core/result.ts";
import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import type { CandidateRefusal } from "./candidate_refusal.ts";
import {
  type Discovered,
  Discovery,
  type DiscoveryOptions,
} from "./discovery.ts";
import type { Candidate, Source } from "./source.ts";

/**
 * All that a discovery learned. Its sources go on until it is disposed of,
 * which waits until each has closed what it had open: a booting box is told
 * the result first.
 */
export interface DiscoveryResult extends Discovered, AsyncDisposable {}

/** What to look for, and with what. */
export interface DiscoverOptions extends DiscoveryOptions {
  /** Asked at the same time. */
  readonly sources: readonly Source[];
  /** Fetches and judges a candidate's manifest. */
  readonly check: (
    candidate: Candidate,
    options: { readonly signal: AbortSignal },
  ) => Promise<Result<VerifiedManifest, CandidateRefusal>>;
  /** Hears of DHT nodes that can be joined through. */
  readonly onPeer?: (multiaddr: string) => void;
  /** Whose time passes. */
  readonly clock: Clock;
}

/**
 * Asks every source at once and checks every candidate as it comes in, under
 * one deadline. `Discovery` says when it ends.
 *
 * @throws the signal's reason, when it aborts
 */
export async function discover(
  options: DiscoverOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<DiscoveryResult> {
  signal.throwIfAborted();
  const search = new Search(options);
  const onAbort = () => search.end();
  signal.addEventListener("abort", onAbort, { once: true });
  await search.over;
  signal.removeEventListener("abort", onAbort);
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
  readonly #ending = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #timer: DueTimer;

  /** Asks every source. */
  constructor(options: DiscoverOptions) {
    const { sources } = options;
    this.#options = options;
    this.#discovery = new Discovery(options, sources.length, this.#nowMs());
    const tick = () => this.#checkAll(this.#discovery.tick(this.#nowMs()));
    this.#timer = new DueTimer(options.clock, tick);
    for (const source of sources) this.#start(this.#ask(source));
    tick();
  }

  /** Resolves when the result is final, or the search was ended. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** What was learned. */
  result(): Discovered {
    return this.#discovery.result();
  }

  /** Ends what is under way, and waits until everything is closed. */
  async end(): Promise<void> {
    this.#timer.set(Infinity);
    this.#ending.abort();
    this.#over.resolve();
    await Promise.all(this.#tasks);
  }

  async #ask(source: Source): Promise<void> {
    const { signal } = this.#ending;
    const isChecking = () => this.#discovery.isChecking;
    let problem: string | undefined;
    try {
      const { image } = this.#options;
      for await (const finding of source.find(image, { signal, isChecking })) {
        if (this.#discovery.isOver) continue;
        if (finding.kind === "peer") this.#options.onPeer?.(finding.multiaddr);
        else this.#checkAll(this.#discovery.hear(finding, this.#nowMs()));
      }
    } catch (error) {
      problem = `${source.name}: ${messageOf(error)}`;
    }
    this.#checkAll(this.#discovery.sourceEnded(problem, this.#nowMs()));
  }

  async #check(candidate: Candidate): Promise<void> {
    const { signal } = this.#ending;
    try {
      const result = await this.#options.check(candidate, { signal });
      this.#checkAll(this.#discovery.checked(candidate, result, this.#nowMs()));
    } catch (error) {
      const problem = messageOf(error);
      this.#checkAll(
        this.#discovery.checkFailed(candidate, problem, this.#nowMs()),
      );
    }
  }

  /** Checks what is to be checked now, and waits for what is next. */
  #checkAll(candidates: readonly Candidate[]): void {
    if (this.#ending.signal.aborted) return;
    for (const candidate of candidates) this.#start(this.#check(candidate));
    const { isOver } = this.#discovery;
    this.#timer.set(isOver ? Infinity : this.#discovery.nextDueMs());
    if (isOver) this.#over.resolve();
  }

  #start(task: Promise<void>): void {
    this.#tasks.add(task);
    task.finally(() => this.#tasks.delete(task));
  }

  #nowMs(): number {
    return this.#options.clock.monotonic();
  }
}
