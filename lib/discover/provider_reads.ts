import type { Clock } from "../core/clock.ts";
import type { KadPeer } from "../net/dht/lookup.ts";
import { Turns } from "./turns.ts";

/** Each costs a handshake, and a small board has to be done in time. */
const MAX_AT_ONCE = 8;
/** One that is silent for so long does not keep others waiting. */
const SLOW_AFTER_MS = 250;
/** Including providers that do not answer. */
const MAX_OPEN = 64;
/** Anyone may say that he provides a key. */
const MAX_WAITING = 1024;

/** How providers are read from. */
export interface ProviderReadsOptions {
  /** Reads from one; bounds its time and never throws. */
  readonly read: (provider: KadPeer) => Promise<void>;
  /** Until it resolves, no provider is asked. */
  readonly resting: () => Promise<void> | undefined;
  /** Finds providers that are slow. */
  readonly clock: Clock;
}

interface Waiting {
  readonly provider: KadPeer;
  /** The node that named it, and the host it is said to be at. */
  readonly keys: readonly string[];
}

/**
 * Reads from the providers of a key, each once. The nodes that name them take
 * turns, and so do the hosts: a node that names a thousand delays its own.
 */
export class ProviderReads {
  readonly #options: ProviderReadsOptions;
  readonly #known = new Set<string>();
  #waiting: Waiting[] = [];
  readonly #turns = new Turns();
  readonly #open = new Set<Promise<void>>();
  #slowCount = 0;
  #isResting = false;

  constructor(options: ProviderReadsOptions) {
    this.#options = options;
  }

  /**
   * Queues providers to be read from, in turn.
   *
   * @param node the node that names them
   */
  add(providers: readonly KadPeer[], node: string): void {
    for (const provider of providers) {
      if (this.#known.has(provider.id)) continue;
      this.#known.add(provider.id);
      const host = provider.addresses[0]?.split("/")[2] ?? "";
      this.#waiting.push({ provider, keys: [node, `${node} ${host}`] });
    }
    if (this.#waiting.length > MAX_WAITING) this.#dropSome();
    this.#fill();
  }

  /** Resolves once all have been read from. */
  async done(): Promise<void> {
    while (this.#waiting.length > 0 || this.#open.size > 0) {
      const { resting } = this.#options;
      await Promise.race(this.#open.size > 0 ? this.#open : [resting()]);
      this.#fill();
    }
  }

  /** The node that named most gives way; what it drops may be named again. */
  #dropSome(): void {
    while (this.#waiting.length > MAX_WAITING) {
      const byNode = Map.groupBy(this.#waiting, ({ keys }) => keys[0]);
      const most = [...byNode.values()]
        .reduce((a, b) => b.length > a.length ? b : a);
      const dropped = new Set(most.slice(most.length >> 1));
      this.#waiting = this.#waiting.filter((one) => !dropped.has(one));
      for (const { provider } of dropped) this.#known.delete(provider.id);
    }
  }

  #fill(): void {
    if (this.#isResting) return;
    const resting = this.#options.resting();
    if (resting === undefined) return this.#start();
    this.#isResting = true;
    resting.then(() => {
      this.#isResting = false;
      this.#start();
    });
  }

  #start(): void {
    while (
      this.#open.size < MAX_OPEN &&
      this.#open.size - this.#slowCount < MAX_AT_ONCE
    ) {
      const at = this.#turns.firstOf(this.#waiting.map(({ keys }) => keys));
      const [next] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (next === undefined) return;
      this.#turns.took(next.keys);
      this.#read(next.provider);
    }
  }

  #read(provider: KadPeer): void {
    const { read, clock } = this.#options;
    let isSlow = false;
    const cancel = clock.setTimer(() => {
      isSlow = true;
      this.#slowCount++;
      this.#fill();
    }, SLOW_AFTER_MS);
    const reading = read(provider).finally(() => {
      cancel();
      if (isSlow) this.#slowCount--;
      this.#open.delete(reading);
      this.#fill();
    });
    this.#open.add(reading);
  }
}
