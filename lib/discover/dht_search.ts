import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { type Clock, sleepInSteps } from "../core/clock.ts";
import { checkMultiaddr } from "../core/multiaddr_text.ts";
import { printable } from "../core/printable.ts";
import type { Result } from "../core/result.ts";
import { clockSays } from "../manifest/clock_lag.ts";
import type { DhtClient } from "../net/dht/client.ts";
import type { KadPeer, LookupStep, PeerAnswer } from "../net/dht/lookup.ts";
import {
  type BootRecord,
  bootRecordKey,
  parseBootRecord,
  REFUSED_BY_DATE,
} from "../wire/boot_record.ts";
import { lookForOthers } from "./other_images.ts";
import { ProviderReads } from "./provider_reads.ts";
import type { Finding } from "./source.ts";

const RETRY_MS = 1000;
/** How long a node has: twice as long after each round in which none answers. */
const FIRST_TIMEOUT_MS = 3000;
const MAX_TIMEOUT_MS = 12_000;
/** Others may still come, but are not waited for. */
const RETRY_WHEN_FOUND_MS = 5000;
/**
 * How long the first candidate has the machine to itself, in steps: further
 * handshakes would be done before its manifest is, and mostly for nothing.
 */
const REST_MS = 150;
/** After this time a round reports which nodes it has asked so far. */
const LONG_MS = 300;
/** How many nodes are named in one line. */
const MAX_LISTED = 8;
/** How long to wait for a first node to ask before saying that there is none. */
const PATIENCE_MS = 1000;

/** What a search needs. */
export interface DhtSearchOptions {
  /**
   * Called once there is a node to ask, and when none has answered.
   *
   * @param timeoutMs how long each has
   */
  readonly openClient: (timeoutMs: number) => Promise<DhtClient>;
  /** For the dates of records and for retries. */
  readonly clock: Clock;
  /** Whether the dates of records are checked. */
  readonly isClockTrusted: boolean;
  /** Whether nodes store boot records; if not, provider records only. */
  readonly keepsValues: boolean;
  /** Receives candidates and problems, in order. */
  readonly report: (finding: Finding) => void;
  /** Takes what happens, as it happens. @default {() => {}} */
  readonly trace?: (event: string) => void;
  /** Ends the search. */
  readonly signal: AbortSignal;
}

type Failure = Extract<LookupStep, { readonly kind: "failure" }>;

/** One round of asking, and what it came to. */
interface Round {
  readonly client: DhtClient;
  /** Nodes to begin with. */
  readonly seeds: readonly string[];
  /** The nodes that answered, by peer id. */
  readonly asked: Map<string, KadPeer>;
  /** The providers that they name, and whether each answered. */
  readonly named: Map<string, boolean>;
  /** How often records were refused, by reason. */
  readonly refused: Map<string, number>;
  /** Whether it takes so long that progress is reported. */
  isLong: boolean;
}

/** The search for one image in the DHT. */
export class DhtSearch {
  readonly #image: ChannelArch;
  readonly #key: string;
  readonly #options: DhtSearchOptions;
  readonly #signal: AbortSignal;
  readonly #addresses: string[] = [];
  /** Addresses that no round has started from yet. */
  #fresh: string[] = [];
  #wake = Promise.withResolvers<void>();
  /** What was reported already, so that retries do not repeat it. */
  readonly #said = new Set<string>();
  /** Newest record of each provider. */
  readonly #newest = new Map<string, BootRecord>();
  /** Resolves once the first candidate has been examined. */
  #resting: Promise<void> | undefined;
  /** Whether any node has answered. */
  #isAnswered = false;
  /** Begun once, where there is no such image. */
  #lookingForOthers: Promise<void> | undefined;

  constructor(image: ChannelArch, options: DhtSearchOptions) {
    this.#image = image;
    this.#key = bootRecordKey(image);
    this.#options = options;
    this.#signal = options.signal;
    this.#signal.addEventListener("abort", () => this.#wake.resolve());
  }

  /** Adds a node to ask; one that cannot be dialled is reported. */
  add(address: string): void {
    const checked = checkMultiaddr(address);
    if (!checked.ok) {
      this.#problem(
        `DHT node "${printable(address)}" cannot be asked: ${checked.reason}`,
      );
      return;
    }
    this.#addresses.push(address);
    this.#fresh.push(address);
    this.#wake.resolve();
  }

  /** Asks until the signal aborts. */
  async run(): Promise<void> {
    await this.#waitForAddress();
    if (this.#signal.aborted) return;
    let timeoutMs = FIRST_TIMEOUT_MS;
    let client = await this.#options.openClient(timeoutMs);
    await using closing = new AsyncDisposableStack();
    closing.defer(() => client[Symbol.asyncDispose]());
    const rounds = new Set<Promise<void>>();
    while (!this.#signal.aborted) {
      // A node that becomes known during a round is asked at once: the others
      // may be dead.
      const seeds = rounds.size > 0 ? this.#fresh : [...this.#addresses];
      this.#fresh = [];
      const round = this.#round(client, seeds).finally(() => {
        rounds.delete(round);
        this.#wake.resolve();
      });
      rounds.add(round);
      while (rounds.size > 0 && !this.#isWanted()) await this.#pause();
      const isFound = this.#newest.size > 0;
      if (this.#isWanted()) continue;
      // On a long path, or a slow machine, all may have been about to answer.
      if (!this.#isAnswered && timeoutMs < MAX_TIMEOUT_MS) {
        timeoutMs *= 2;
        const patient = await this.#options.openClient(timeoutMs);
        await client[Symbol.asyncDispose]();
        client = patient;
      }
      await this.#pause(isFound ? RETRY_WHEN_FOUND_MS : RETRY_MS);
    }
    await Promise.all([...rounds, this.#lookingForOthers]);
  }

  async #waitForAddress(): Promise<void> {
    if (!this.#isWanted()) await this.#pause(PATIENCE_MS);
    if (this.#isWanted()) return;
    this.#problem(
      "No DHT node known to ask: none was given with --bootstrap, and none was found on the LAN",
    );
    while (!this.#isWanted()) await this.#pause();
  }

  /** Whether there is a new node to ask, or nothing to do any more. */
  #isWanted(): boolean {
    return this.#fresh.length > 0 || this.#signal.aborted;
  }

  /** Waits for a new address, the end of a round, the abort or the time. */
  async #pause(timeoutMs?: number): Promise<void> {
    this.#wake = Promise.withResolvers<void>();
    const cancel = timeoutMs === undefined
      ? () => {}
      : this.#options.clock.setTimer(this.#wake.resolve, timeoutMs);
    await this.#wake.promise;
    cancel();
  }

  /** Asks for the image once, and for others when there is no such image. */
  async #round(client: DhtClient, seeds: readonly string[]): Promise<void> {
    const asked = new Map<string, KadPeer>();
    const round: Round = {
      ...{ client, seeds, asked, named: new Map(), refused: new Map() },
      isLong: false,
    };
    this.#options.trace?.(`asking DHT nodes ${listed(seeds)}`);
    const cancel = this.#options.clock.setTimer(() => {
      round.isLong = true;
      this.#tellAsked(round);
    }, LONG_MS);
    const { keepsValues } = this.#options;
    await Promise.all([
      keepsValues && this.#askForValues(round),
      this.#askProviders(round),
    ]).finally(cancel);
    if (this.#signal.aborted) return;
    const name = formatChannelArch(this.#image);
    const [count, isFound] = [asked.size, this.#newest.size > 0];
    if (count > 0 && (!isFound || round.isLong)) {
      const nodes = `${count} DHT node${count === 1 ? "" : "s"}`;
      this.#problem(
        `Asked ${nodes}${isFound ? "" : `, ${whatIsKnown(name, round)}`}`,
        "asked",
      );
    }
    if (isFound) return;
    const refused = [...round.refused].map(([why, n]) => `${why} (${n})`);
    if (refused.length > 0) {
      const reasons = refused.join(", ");
      const isByDate = !REFUSED_BY_DATE.isDisjointFrom(round.refused);
      this.#problem(
        `DHT records of ${name} refused: ${reasons}${
          isByDate ? `; ${clockSays(this.#options.clock.now())}` : ""
        }`,
        "refused",
      );
    }
    // What others there are no node of the public DHT could say.
    if (count === 0 || !keepsValues) return;
    this.#lookingForOthers ??= lookForOthers({
      ...{ client, seeds, nodes: [...asked.values()], image: this.#image },
      parse: (key, value) => this.#parse(key, value),
      report: (image) => this.#options.report({ kind: "other", image }),
      signal: this.#signal,
    });
  }

  async #askForValues(round: Round): Promise<void> {
    const { client, seeds } = round;
    const signal = this.#signal;
    const steps = client.findValues(this.#key, seeds, { signal });
    for await (const step of steps) {
      if (step.kind === "failure") {
        this.#failed(step, round);
        continue;
      }
      this.#note(step.answer, round);
      if (step.answer.value) await this.#offer(step.answer.value, round);
      await this.#resting; // no node is asked meanwhile
    }
  }

  async #askProviders(round: Round): Promise<void> {
    const { client, seeds } = round;
    const signal = this.#signal;
    const reads = new ProviderReads({
      read: (provider) => this.#readFrom(provider, round),
      resting: () => this.#resting,
      clock: this.#options.clock,
    });
    const steps = client.findProviders(this.#key, seeds, { signal });
    for await (const step of steps) {
      if (step.kind === "failure") {
        if (!this.#options.keepsValues) this.#failed(step, round);
        continue;
      }
      this.#note(step.answer, round);
      reads.add(step.answer.providers, step.answer.from.id);
      await this.#resting; // no node is asked meanwhile
    }
    await reads.done();
  }

  #failed({ at, reason }: Failure, { seeds }: Round): void {
    this.#options.trace?.(`DHT node ${at}: ${reason}`);
    // Some of the nodes that others name are always gone.
    if (!seeds.includes(at)) return;
    this.#problem(`DHT node ${at} cannot be asked: ${reason}`);
  }

  #note({ from, value, closer, providers }: PeerAnswer, round: Round): void {
    round.asked.set(from.id, from);
    this.#isAnswered = true;
    this.#tellAsked(round);
    const known = [
      value === undefined ? "no record" : "a record",
      `${providers.length} providers`,
      `${closer.length} nearer nodes`,
    ].join(", ");
    this.#options.trace?.(`DHT node ${from.id} knows ${known}`);
  }

  /** Reported if the search times out during its first round. */
  #tellAsked({ seeds, asked, isLong }: Round): void {
    if (!isLong || this.#said.has("asked")) return;
    const answers = asked.size === 0 ? "none" : listed([...asked.keys()]);
    this.#options.report({
      kind: "problem",
      topic: "asked",
      message: `The DHT lookup was not finished: started from ${
        listed(seeds)
      }; answered until then: ${answers}`,
    });
  }

  /** One that is gone or silent is no news: others may be there. */
  async #readFrom(provider: KadPeer, round: Round): Promise<void> {
    const signal = this.#signal;
    const value = await round.client.fetch(provider, this.#key, { signal });
    round.named.set(provider.id, value.ok);
    if (value.ok) await this.#offer(value.value, round, provider.id);
  }

  /**
   * Yields what a record says, once for each thing that a provider says.
   *
   * @param from the peer that must have signed it, where it was asked itself
   */
  async #offer(
    value: Uint8Array,
    { refused }: Round,
    from?: string,
  ): Promise<void> {
    const refuse = (reason: string) => {
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
    };
    const parsed = await this.#parse(this.#key, value);
    if (!parsed.ok) return refuse(parsed.reason);
    const record = parsed.value;
    if (from !== undefined && record.peerId !== from) {
      return refuse("record is from another peer");
    }
    const known = this.#newest.get(record.peerId);
    if (known && known.lastUpdatedMs > record.lastUpdatedMs) return;
    const same = known?.lastUpdatedMs === record.lastUpdatedMs
      ? known
      : undefined;
    // With equal dates, the record from the provider itself may have a URL that
    // this reader can reach; others hold the one that most readers can.
    if (same !== undefined && from === undefined) return;
    this.#newest.set(record.peerId, record);
    if (known?.url === record.url && known.version === record.version) return;
    this.#resting ??= sleepInSteps(this.#options.clock, REST_MS, {
      signal: this.#signal,
    }).catch(() => {}); // aborted: nobody waits any more
    const { providerName } = record;
    this.#options.report({
      kind: "candidate",
      candidate: {
        manifestUrl: new URL(same?.url ?? record.url),
        ...same !== undefined && { otherUrls: [new URL(record.url)] },
        image: this.#image,
        version: printable(record.version, 64),
        source: "dht",
        ...providerName !== undefined && {
          providerName: printable(providerName, 64),
        },
        peerId: record.peerId,
      },
    });
  }

  async #parse(key: string, value: Uint8Array): Promise<Result<BootRecord>> {
    const { clock, isClockTrusted } = this.#options;
    return await parseBootRecord(key, value, {
      now: isClockTrusted ? clock.now() : undefined,
    });
  }

  /** @param topic what it is about: told once, as it was the first time */
  #problem(message: string, topic?: string): void {
    const once = topic ?? message;
    if (this.#said.has(once)) return;
    this.#said.add(once);
    this.#options.report({
      kind: "problem",
      message,
      ...topic !== undefined && { topic },
    });
  }
}

/** What the nodes know of an image that was not found. */
function whatIsKnown(name: string, { named }: Pick<Round, "named">): string {
  const count = named.size;
  if (count === 0) return `none knows a provider of ${name}`;
  const silent = [...named.values()].filter((answers) => !answers);
  const subject = count === 1
    ? "it"
    : silent.length === count
    ? "they"
    : "some";
  const many = count === 1
    ? `1 provider of ${name} is named`
    : `${count} providers of ${name} are named`;
  if (silent.length === 0) return many;
  return `${many}, ${subject} ${count === 1 ? "does" : "do"} not answer`;
}

/** The first few of many. */
function listed(names: readonly string[]): string {
  const more = names.length - MAX_LISTED;
  return [
    ...names.slice(0, MAX_LISTED),
    ...more > 0 ? [`${more} more`] : [],
  ].join(", ");
}
