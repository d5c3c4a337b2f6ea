import type { PublishingNode } from "../../lib/advertise/dht_advertiser.ts";
import type { AnnounceOutcome } from "../../lib/net/dht/announce_outcome.ts";
import type { Identity } from "../../lib/net/dht/identity.ts";
import type { JoinState } from "../../lib/net/dht/join_state.ts";
import type { PublishEntry, ValueFor } from "../../lib/net/dht/node_options.ts";
import type { OutsideLook } from "../../lib/net/dht/outside_look.ts";
import type { FakeClock } from "./fake_clock.ts";

/** A node whose peers a test makes come and go. */
export class FakePublishingNode implements PublishingNode {
  readonly peerId: string;
  readonly sign: PublishingNode["sign"];
  readonly published: { key: string; value: Uint8Array; atMs: number }[] = [];
  readonly withdrawn: string[] = [];
  readonly states = new Map<string, JoinState>();
  peers = 0;
  /** Peers that answer, and keep nothing. */
  refusing = 0;
  failures: string[] = [];
  /** What readers of the last one are answered. */
  valueFor: ValueFor | undefined;
  /** Called in the midst of each announcement. */
  onPublish: () => Promise<void> = () => Promise.resolve();
  readonly #clock: FakeClock;
  /** Whether peers take providers alone. */
  areValuesRefused = false;
  /** Whether look-ups from outside find nothing, though peers answer. */
  isHidden = false;
  /** How far its clock is ahead of those of its peers, where they tell. */
  clockLeadMs: number | undefined;
  /** What others say of it. */
  reachable: boolean | undefined;
  /** Look-ups from outside. */
  readonly looks: { key: string; atMs: number }[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #lossListeners = new Set<() => void>();

  constructor(identity: Identity, clock: FakeClock) {
    this.peerId = identity.peerId;
    this.sign = identity.sign;
    this.#clock = clock;
  }

  async publish(
    key: string,
    value: Uint8Array,
    { onStored, valueFor }: Pick<PublishEntry, "onStored" | "valueFor">,
  ): Promise<AnnounceOutcome> {
    this.valueFor = valueFor;
    this.published.push({ key, value, atMs: this.#clock.monotonic() });
    const hadPeers = this.peers > 0;
    if (hadPeers) onStored?.();
    await this.onPublish();
    if (!hadPeers && this.peers > 0) onStored?.();
    return {
      reached: this.peers + this.refusing,
      storedAt: this.areValuesRefused ? 0 : this.peers,
      providedAt: this.peers,
      failures: this.failures,
    };
  }

  /** Told together, how many each time. */
  readonly sweeps: number[] = [];

  async publishAll(
    entries: readonly PublishEntry[],
  ): Promise<AnnounceOutcome[]> {
    this.sweeps.push(entries.length);
    return await Promise.all(
      entries.map(({ key, value, ...options }) =>
        this.publish(key, value, options)
      ),
    );
  }

  /** Whether peers keep what was told in a run before. */
  isKept = false;
  /** Answered for without telling anybody. */
  readonly provided: PublishEntry[] = [];

  provide(entry: PublishEntry): void {
    this.provided.push(entry);
  }

  withdraw(key: string): Promise<void> {
    this.withdrawn.push(key);
    return Promise.resolve();
  }

  lookFromOutside(key: string): Promise<OutsideLook> {
    this.looks.push({ key, atMs: this.#clock.monotonic() });
    const askedCount = this.peers + this.refusing;
    const isThere = this.peers > 0 && !this.isHidden &&
      (this.isKept || this.published.some((one) => one.key === key));
    return Promise.resolve(
      isThere
        ? { kind: "found", clockLeadMs: this.clockLeadMs }
        : askedCount > 0
        ? { kind: "absent", askedCount }
        : { kind: "unanswered", failures: this.failures },
    );
  }

  isReachable(): boolean | undefined {
    return this.reachable;
  }

  onPeerLost(listener: () => void): () => void {
    this.#lossListeners.add(listener);
    return () => this.#lossListeners.delete(listener);
  }

  /** A peer goes. */
  leave(): void {
    this.peers--;
    for (const listener of this.#lossListeners) listener();
  }

  onPeer(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  joinStates(): ReadonlyMap<string, JoinState> {
    return this.states;
  }

  /** A peer comes. */
  join(): void {
    this.peers++;
    for (const listener of this.#listeners) listener();
  }

  get listenerCount(): number {
    return this.#listeners.size + this.#lossListeners.size;
  }
}
