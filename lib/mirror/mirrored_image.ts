import { Bell } from "../core/bell.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { messageOf } from "../core/printable.ts";
import { ok, type Result } from "../core/result.ts";
import type { ClientTrust } from "../discover/client_trust.ts";
import type { FetchFailure } from "../fetch/fetch_image.ts";
import type { MirrorStatus, Release } from "../http/status/provider_status.ts";
import type { Refusal } from "../manifest/refusal.ts";
import {
  type VerifiedManifest,
  verifyEnvelope,
} from "../manifest/verify_envelope.ts";
import type { MirrorProvider } from "../provider/machine.ts";
import type { Moment } from "../scan/settling.ts";
import {
  findRelease,
  type FoundReleases,
  type RefusedRelease,
} from "./find_release.ts";
import { fetchRelease, titleOf } from "./fetch_release.ts";
import { ImageStore } from "./image_store.ts";
import { keepTrust } from "./keep_trust.ts";
import { MirrorPlan } from "./mirror_plan.ts";
import type { MirrorTools } from "./mirror_tools.ts";

/** The longest search when no provider has anything newer. */
const MAX_SEARCH_MS = 10_000;
const MIN_SEARCH_MS = 2000;
/** A release that another took the place of: clients may be at it. */
const KEEP_MS = 660_000;
/** Clauses in one line of why nothing was found. */
const MAX_PROBLEMS = 4;

/** One image of another owner, followed from release to release. */
export class MirroredImage {
  readonly #image: ChannelArch;
  readonly #name: string;
  readonly #tools: MirrorTools;
  readonly #store: ImageStore;
  readonly #plan: MirrorPlan;
  readonly #bell = new Bell();
  #has: VerifiedManifest | undefined;
  /** The newest that was found, by keys that are trusted still. */
  #newest: VerifiedManifest | undefined;
  /** The manifest that was fetched again, since it was not offered. */
  #mended: string | undefined;
  /** Where the last fetch went to, unless it has succeeded. */
  #tried: string | undefined;
  /** Directories of releases that others took the place of: until when kept. */
  readonly #replaced = new Map<string, number>();
  /**
   * What was logged in the last round and is not repeated, and what in this
   * one.
   */
  #saidBefore: ReadonlySet<string> = new Set();
  #said = new Set<string>();

  constructor(image: ChannelArch, tools: MirrorTools) {
    this.#image = image;
    this.#name = formatChannelArch(image);
    this.#tools = tools;
    this.#store = new ImageStore(image, tools);
    const { everyMs, random } = tools;
    this.#plan = new MirrorPlan({ image, everyMs, random });
  }

  /** How the image stands, for operators. */
  status(): MirrorStatus {
    return this.#plan.status(this.#moment());
  }

  /** Has others asked at once, unless that is being done. */
  askNow(): void {
    this.#plan.askNow();
    this.#bell.ring();
  }

  /**
   * Examines the release on disk before it is served: only what a trusted key
   * has signed is, and what was before the keys were succeeded.
   *
   * @throws UserError when the files there are not this mirror's
   */
  async open({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const stored = await this.#store.stored({ signal });
    if (stored === undefined) return;
    if (stored.kind === "empty") return await this.#store.clear();
    const verified = await this.#verifyStored(stored.manifest, { signal });
    if (stored.kind === "release") {
      if (verified.ok) this.#hold(verified.value);
      else {
        this.#tools.logger.warn(
          `Offering ${this.#name} as it is on disk, although it is no longer trusted: ${verified.reason.message}; the first trusted release replaces it`,
        );
      }
      return;
    }
    if (stored.kind === "link") throw this.#store.notOurs("it is a link");
    if (!verified.ok) throw this.#store.notOurs(verified.reason.message);
    await this.#store.adopt(verified.value);
    this.#hold(verified.value);
  }

  async #verifyStored(
    manifest: Uint8Array<ArrayBuffer> | undefined,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<VerifiedManifest, Refusal<string>>> {
    if (manifest === undefined) {
      const message = "it has no manifest.json that its owner signed";
      return { ok: false, reason: { code: "malformed", message } };
    }
    // What has expired meanwhile is offered on until it is renewed.
    const trust = await this.#tools.openTrust({ clockTrusted: false, signal });
    const now = this.#tools.clock.now();
    const policy = await trust.policyFor(
      this.#image,
      () => Promise.resolve(ok(undefined)),
      { from: "the disk", now, signal },
    );
    return policy.ok
      ? await verifyEnvelope(manifest, policy.value, now)
      : policy;
  }

  #hold(release: VerifiedManifest): void {
    this.#has = release;
    this.#plan.has(releaseOf(release));
  }

  /** Follows the image until the signal aborts. */
  async run(
    provider: MirrorProvider,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock } = this.#tools;
    while (true) {
      const inMs = this.#plan.dueAtMs - clock.monotonic();
      if (inMs > 0) await this.#bell.wait(clock, inMs, { signal });
      this.#bell.reset();
      [this.#saidBefore, this.#said] = [this.#said, new Set()];
      try {
        await this.#round(provider, { signal });
      } catch (error) {
        signal.throwIfAborted();
        this.#fail(`Cannot mirror ${this.#name}: ${messageOf(error)}`);
      }
    }
  }

  async #round(
    provider: MirrorProvider,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const { openTrust, openSources, isClockTrusted, ...tools } = this.#tools;
    this.#plan.asking(this.#moment());
    const trust = await openTrust({
      clockTrusted: isClockTrusted(),
      signal,
    });
    const found = await findRelease({
      ...{ image: this.#image, has: this.#has, trust },
      ...await openSources(provider),
      timeoutMs: Math.min(
        MAX_SEARCH_MS,
        Math.max(MIN_SEARCH_MS, tools.everyMs / 2),
      ),
      httpGet: tools.httpGet,
      clock: tools.clock,
    }, { signal });
    this.#note(found, trust);
    await keepTrust(trust, provider.library.trustDocuments(), {
      ...tools,
      providers: found.providers,
      signal,
    });
    const wanted = found.newest ?? this.#lost(provider, found);
    const hasTaken = wanted !== undefined &&
      await this.#take(wanted, found, { signal });
    await this.#remember(trust, hasTaken ? [wanted] : [], { signal });
    // Only then is it known what an earlier run left that is still useful.
    if (found.providers.length > 0) await this.#removeOld(provider);
  }

  /** What cannot be kept across restarts is no reason not to offer it. */
  async #remember(
    trust: ClientTrust,
    accepted: readonly VerifiedManifest[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    try {
      await trust.remember(accepted, { signal });
    } catch (error) {
      signal.throwIfAborted();
      this.#say(
        `${
          messageOf(error)
        }; after a restart older releases of ${this.#name} are refused by what lies on disk alone`,
      );
    }
  }

  /**
   * What is here and yet is not offered, as when a file of it was damaged: it is
   * fetched anew, once, where others have it.
   */
  #lost(
    { library }: MirrorProvider,
    { providers }: FoundReleases,
  ): VerifiedManifest | undefined {
    const has = this.#has;
    const served = library.find(this.#image)?.manifest.sha256;
    if (has === undefined || served === has.sha256) {
      this.#mended = undefined;
      return undefined;
    }
    const isElsewhere = providers
      .some(({ contentSha256 }) => contentSha256 === has.contentSha256);
    if (!isElsewhere || this.#mended === has.sha256) return undefined;
    this.#mended = has.sha256;
    return has;
  }

  /** Logs the result of a round where it is news. */
  #note(
    { newest, providers, refused, problems }: FoundReleases,
    trust: ClientTrust,
  ): void {
    if (this.#newest && !trust.stillTrusts(this.#newest)) {
      this.#newest = undefined;
    }
    for (const release of [...providers, ...newest ? [newest] : []]) {
      if (isHigher(release, this.#newest)) this.#newest = release;
    }
    // Another mirror may be behind for a while.
    const isWrong = ({ refusal }: RefusedRelease) =>
      refusal.code !== "rollback" || providers.length === 0;
    const reasons = refused.filter(isWrong).map(({ candidate, refusal }) => {
      const { manifestUrl, providerName } = candidate;
      const from = providerName === undefined ? "" : ` of ${providerName}`;
      return `${manifestUrl.href}${from}: ${refusal.message} (${refusal.code})`;
    });
    const lines = reasons.map((reason) =>
      `Not mirroring ${this.#name} from ${reason}; ${this.#whatStays()}`
    );
    const isMissing = this.#has === undefined && providers.length === 0;
    if (isMissing && reasons.length === 0) {
      lines.push(
        `Cannot find ${this.#name} to mirror it: ${
          problems.slice(0, MAX_PROBLEMS).join("; ") || "nobody answers"
        }; others are asked again`,
      );
    }
    for (const line of lines) this.#say(line);
    this.#plan.asked({
      providerCount: providers.length,
      hasNews: newest !== undefined,
      newest: this.#newest && releaseOf(this.#newest),
      problem: reasons.join("; ") || (isMissing ? lines[0] : undefined),
    }, this.#moment());
  }

  /** @returns whether the release is offered from now on */
  async #take(
    release: VerifiedManifest,
    { providers }: FoundReleases,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { clock, logger } = this.#tools;
    const before = this.#has;
    const directory = this.#store.directoryOf(release);
    const isRenewal = before !== undefined && before !== release &&
      this.#store.directoryOf(before) === directory;
    if (isRenewal) await this.#store.renew(release);
    else {
      const failure = await fetchRelease(release, this.#tools, {
        ...{ providers, before, store: this.#store, plan: this.#plan },
        isRetry: this.#tried === directory,
        stays: this.#whatStays(),
        signal,
      });
      this.#tried = failure === undefined ? undefined : directory;
      if (failure !== undefined) {
        this.#failFetch(release, failure);
        return false;
      }
      await this.#store.putInPlace(directory);
      if (before !== undefined && before !== release) {
        const untilMs = clock.monotonic() + KEEP_MS;
        this.#replaced.set(this.#store.directoryOf(before), untilMs);
      }
    }
    this.#replaced.delete(directory);
    this.#has = this.#newest = release;
    this.#plan.took(releaseOf(release), this.#moment());
    const did = isRenewal ? "Renewed" : "Mirrored";
    logger.info(`${did} ${this.#name} ${titleOf(release)}`);
    return true;
  }

  #failFetch(
    release: VerifiedManifest,
    { kind, message }: FetchFailure,
  ): void {
    this.#fail(
      `Cannot mirror ${this.#name} ${
        titleOf(release)
      }: ${message}; ${this.#whatStays()}, and it is tried again`,
      kind === "gone",
    );
    // Clients that are still at an earlier release have to start over.
    if (kind === "room") this.#replaced.clear();
  }

  #fail(problem: string, isReplaced = false): void {
    this.#say(problem);
    this.#plan.failed(problem, { isReplaced, ...this.#moment() });
  }

  /** Logs what was not logged in the round before, too. */
  #say(line: string): void {
    if (!this.#saidBefore.has(line)) this.#tools.logger.warn(line);
    this.#said.add(line);
  }

  #whatStays(): string {
    return this.#has === undefined
      ? "nothing is offered yet"
      : `${titleOf(this.#has)} stays on offer`;
  }

  /**
   * Removes releases of an earlier run that no client can be using any more.
   */
  async #removeOld({ library }: MirrorProvider): Promise<void> {
    const nowMs = this.#tools.clock.monotonic();
    for (const [directory, untilMs] of this.#replaced) {
      if (untilMs <= nowMs) this.#replaced.delete(directory);
    }
    const served = library.find(this.#image)?.artifacts.get("kernel")?.path;
    const kept = [this.#has, this.#newest].flatMap((release) =>
      release === undefined ? [] : [this.#store.directoryOf(release)]
    );
    await this.#store.removeOthers([
      ...kept,
      ...this.#replaced.keys(),
      // Another than the newest, where that cannot be offered.
      ...served === undefined ? [] : [served],
    ]);
  }

  #moment(): Moment {
    const { clock } = this.#tools;
    return { nowMs: clock.now(), monotonicMs: clock.monotonic() };
  }
}

function releaseOf({ manifest }: VerifiedManifest): Release {
  const { version, manifestVersion } = manifest;
  return { version, manifestVersion };
}

function isHigher(
  { manifest }: VerifiedManifest,
  than: VerifiedManifest | undefined,
): boolean {
  return manifest.manifestVersion > (than?.manifest.manifestVersion ?? 0);
}
