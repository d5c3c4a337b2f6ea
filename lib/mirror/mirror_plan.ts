import type { ChannelArch } from "../core/channel_arch.ts";
import type { MirrorStatus, Release } from "../http/status/provider_status.ts";
import type { Moment } from "../scan/settling.ts";

/** After a failure others are asked again in this time, and in twice that. */
const FIRST_RETRY_MS = 5000;
/** A provider whose image was replaced midway has the newer one at once. */
const REPLACED_RETRY_MS = 500;
/** Waits are shortened by a part of this share, so that mirrors spread. */
const JITTER_SHARE = 0.2;

/** What a mirror's plan for one image is made from. */
export interface MirrorPlanOptions {
  readonly image: ChannelArch;
  /** How often others are asked, at least. */
  readonly everyMs: number;
  /** 0 to 1, uniform. */
  readonly random: () => number;
}

/** What came of asking others. */
export interface Asked {
  /** How many other providers have a manifest by a trusted key. */
  readonly providerCount: number;
  /**
   * Whether there is a release to take; `took` or `failed` reports how it went.
   */
  readonly hasNews: boolean;
  /** The newest that was ever found and is still trusted. */
  readonly newest: Release | undefined;
  /** Why nothing can be taken, where that is so. */
  readonly problem: string | undefined;
}

/**
 * Decides when a mirror asks others for one image, and keeps what operators are
 * told of it. All times are given; nothing is done here.
 */
export class MirrorPlan {
  readonly #options: MirrorPlanOptions;
  #status: Omit<MirrorStatus, "nextAskMs">;
  #askedAtMs = -Infinity;
  #dueAtMs = -Infinity;
  #failures = 0;

  constructor(options: MirrorPlanOptions) {
    this.#options = options;
    this.#status = {
      image: options.image,
      activity: "waiting",
      has: undefined,
      newest: undefined,
      behindSinceMs: undefined,
      lastFoundMs: undefined,
      fetched: undefined,
      problem: undefined,
    };
  }

  /** How the image stands, for operators. */
  status({ nowMs, monotonicMs }: Moment): MirrorStatus {
    const isWaiting = this.#status.activity === "waiting";
    const inMs = this.#dueAtMs - monotonicMs;
    return {
      ...this.#status,
      nextAskMs: isWaiting && inMs > 0 ? nowMs + inMs : undefined,
    };
  }

  /**
   * When to ask the others next, on the monotonic clock; in the past: at once.
   */
  get dueAtMs(): number {
    return this.#dueAtMs;
  }

  /** Has others asked at once. */
  askNow(): void {
    this.#dueAtMs = -Infinity;
  }

  /** Takes in the complete release on disk. */
  has(release: Release | undefined): void {
    this.#set({ has: release });
  }

  /** Others are being asked. */
  asking({ monotonicMs }: Moment): void {
    this.#askedAtMs = monotonicMs;
    this.#dueAtMs = Infinity;
    this.#set({ activity: "asking" });
  }

  /**
   * Records the result of a round. Having no image and finding no provider is a
   * failure; with an image, the others may be away for any time.
   */
  asked(
    { providerCount, hasNews, newest, problem }: Asked,
    moment: Moment,
  ): void {
    const { has, behindSinceMs, lastFoundMs } = this.#status;
    const isBehind = (newest?.manifestVersion ?? 0) >
      (has?.manifestVersion ?? 0);
    this.#set({
      activity: hasNews ? "asking" : "waiting",
      newest,
      problem,
      behindSinceMs: isBehind ? behindSinceMs ?? moment.nowMs : undefined,
      lastFoundMs: providerCount > 0 ? moment.nowMs : lastFoundMs,
    });
    if (has === undefined && providerCount === 0) this.#failures++;
    else if (!hasNews) this.#failures = 0;
    this.#wait(moment);
  }

  /** The newest is being fetched. */
  fetching(totalBytes: number): void {
    this.#dueAtMs = Infinity;
    this.#set({ activity: "fetching", fetched: { doneBytes: 0, totalBytes } });
  }

  /** Records how much of the release has been fetched. */
  progress(doneBytes: number): void {
    const { fetched } = this.#status;
    if (fetched !== undefined) {
      this.#set({ fetched: { ...fetched, doneBytes } });
    }
  }

  /** It is there as a whole, and on offer. */
  took(release: Release, moment: Moment): void {
    this.#failures = 0;
    this.#set({
      activity: "waiting",
      has: release,
      newest: release,
      behindSinceMs: undefined,
      fetched: undefined,
      problem: undefined,
    });
    this.#wait(moment);
  }

  /**
   * Asking or fetching has failed.
   *
   * @param isReplaced whether others have another image by now
   */
  failed(
    problem: string,
    { isReplaced = false, ...moment }: Moment & {
      readonly isReplaced?: boolean;
    },
  ): void {
    this.#failures++;
    this.#set({ activity: "waiting", fetched: undefined, problem });
    this.#wait(moment);
    if (isReplaced && this.#failures === 1) {
      this.#dueAtMs = moment.monotonicMs + REPLACED_RETRY_MS;
    }
  }

  #set(news: Partial<MirrorStatus>): void {
    this.#status = { ...this.#status, ...news };
  }

  /** Waits one interval from the last round, or after a failure from now. */
  #wait({ monotonicMs }: Moment): void {
    const { everyMs, random } = this.#options;
    const share = 1 - JITTER_SHARE * random();
    const retryMs = FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 30);
    this.#dueAtMs = this.#failures === 0
      ? this.#askedAtMs + everyMs * share
      : monotonicMs + Math.min(everyMs, retryMs) * share;
  }
}
