/** The wait after the first failure; each further failure doubles it. */
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 10_000;
/** Failures in a row before a source is given up: after about a minute. */
const MAX_FAILURES = 12;
/** Likewise, of waits that it asked for: a rack may be before us. */
const MAX_ASKED_MS = 900_000;
/** The longest wait that a source may ask for. */
const MAX_ASKED_AT_ONCE_MS = 300_000;
/** Shorter ones say little about a rate. */
const MIN_SAMPLE_MS = 50;
/** The weight of a new sample in the moving average. */
const SAMPLE_WEIGHT = 0.3;

/** A source as it was found. */
export interface NamedSource {
  /**
   * The URL of the manifest, to which its URLs and `/blobs/sha256/` are
   * relative.
   */
  readonly manifestUrl: URL;
  /** What it is called in events and messages. */
  readonly name: string;
}

/**
 * The providers of an image that offer the same content, under whatever version
 * or date.
 *
 * @param contentSha256 of the manifest that is fetched
 */
export function sourcesOf(
  contentSha256: string,
  providers: readonly {
    readonly candidate: Pick<NamedSource, "manifestUrl">;
    readonly contentSha256: string;
  }[],
): NamedSource[] {
  return providers.filter((one) => one.contentSha256 === contentSha256)
    .map(({ candidate: { manifestUrl } }) => ({
      manifestUrl,
      // Programs on one machine share its name.
      name: manifestUrl.host,
    }));
}

/** What has become known of a source meanwhile. */
export class SourceState {
  /** Its place in the list. */
  readonly number: number;
  /** As in events and messages. */
  readonly name: string;
  /** What its URLs are relative to. */
  readonly manifestUrl: URL;
  /** By URL: the entity tag of the file; undefined if there is no such file. */
  readonly tags = new Map<string, string | undefined>();
  /** Whether it sends parts of files. */
  takesRanges = true;
  /** What went wrong last. */
  trouble: string | undefined;
  /** Whether it is asked for nothing more. */
  isDropped = false;
  readonly #lacking = new Set<string>();
  #failures = 0;
  #askedMs = 0;
  #rate = 0;
  #sample = { bytes: 0, sinceMs: 0 };

  constructor(number: number, { name, manifestUrl }: NamedSource) {
    this.number = number;
    this.name = name;
    this.manifestUrl = manifestUrl;
  }

  /** Whether it is known not to have what has this SHA-256. */
  lacks(sha256: string): boolean {
    return this.#lacking.has(sha256);
  }

  /** Takes note that it does not have something. */
  refused(sha256: string, reason: string): void {
    this.#lacking.add(sha256);
    this.trouble = reason;
  }

  /** Bytes per millisecond, lately; 0 where that is unknown. */
  get rate(): number {
    return this.#rate;
  }

  /** Begins to measure how fast it sends. */
  begin(nowMs: number): void {
    this.#sample = { bytes: 0, sinceMs: nowMs };
  }

  /** Takes note that bytes came. */
  received(bytes: number, nowMs: number): void {
    const sample = this.#sample;
    sample.bytes += bytes;
    const elapsedMs = nowMs - sample.sinceMs;
    if (elapsedMs < MIN_SAMPLE_MS) return;
    const rate = sample.bytes / elapsedMs;
    this.#rate = this.#rate === 0
      ? rate
      : this.#rate + (rate - this.#rate) * SAMPLE_WEIGHT;
    this.begin(nowMs);
  }

  /** Takes note that something of use came: failures before count no more. */
  succeeded(): void {
    this.#failures = 0;
    this.#askedMs = 0;
  }

  /**
   * Takes note of a failure that may pass.
   *
   * @param options `askedMs`: how long the source asked to be left alone;
   * `random`: from 0 to 1, so that clients that failed together do not come back
   * together
   * @returns how long to wait; undefined when it has failed too often
   */
  failed(
    reason: string,
    { askedMs, random }: {
      readonly askedMs?: number | undefined;
      readonly random: number;
    },
  ): number | undefined {
    this.trouble = reason;
    if (askedMs === undefined) this.#failures++;
    this.#askedMs += askedMs ?? 0;
    if (this.#failures >= MAX_FAILURES || this.#askedMs > MAX_ASKED_MS) {
      return undefined;
    }
    const doublings = Math.max(this.#failures - 1, 0);
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** doublings, MAX_DELAY_MS) *
      (0.5 + random / 2);
    return Math.max(delayMs, Math.min(askedMs ?? 0, MAX_ASKED_AT_ONCE_MS));
  }
}

/** The states of the sources of a list that may grow, in its order. */
export function statesOf(
  sources: readonly NamedSource[],
): () => readonly SourceState[] {
  const states: SourceState[] = [];
  return () => {
    for (const source of sources.slice(states.length)) {
      states.push(new SourceState(states.length, source));
    }
    return states;
  };
}

/** What went wrong last, source by source, where anything did. */
export function troublesOf(sources: readonly SourceState[]): string[] {
  return sources.flatMap(({ name, trouble }) =>
    trouble === undefined ? [] : [`${name}: ${trouble}`]
  );
}
