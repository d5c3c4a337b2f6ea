import type { PublishingNode } from "../../lib/advertise/dht_advertiser.ts";
import type { AnnounceOutcome } from "../../lib/net/dht/announce_outcome.ts";
import type { Identity } from "../../lib/net/dht/identity.ts";
import type { JoinState } from "../../lib/net/dht/join_state.ts";
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
  /** Called in the midst of each announcement. */
  onPublish: () => Promise<void> = () => Promise.resolve();
  readonly #clock: FakeClock;
  readonly #listeners = new Set<() => void>();

  constructor(identity: Identity, clock: FakeClock) {
    this.peerId = identity.peerId;
    this.sign = identity.sign;
    this.#clock = clock;
  }

  async publish(
    key: string,
    value: Uint8Array,
    { onStored }: { onStored?: () => void },
  ): Promise<AnnounceOutcome> {
    this.published.push({ key, value, atMs: this.#clock.monotonic() });
    const hadPeers = this.peers > 0;
    if (hadPeers) onStored?.();
    await this.onPublish();
    if (!hadPeers && this.peers > 0) onStored?.();
    return {
      reached: this.peers + this.refusing,
      storedAt: this.peers,
      providedAt: this.peers,
      failures: this.failures,
    };
  }

  withdraw(key: string): Promise<void> {
    this.withdrawn.push(key);
    return Promise.resolve();
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
    return this.#listeners.size;
  }
}
