import type { PublishingNode } from "../../lib/advertise/dht_advertiser.ts";
import { ok, refuse } from "../../lib/core/result.ts";
import type { DhtClient } from "../../lib/net/dht/client.ts";
import { createIdentity } from "../../lib/net/dht/identity.ts";
import type { KadPeer, LookupStep } from "../../lib/net/dht/lookup.ts";
import type { AnnounceOutcome } from "../../lib/net/dht/announce_outcome.ts";
import type { PublishEntry } from "../../lib/net/dht/node_options.ts";
import type { DhtNode } from "../../lib/net/dht/node.ts";
import type { OutsideLook } from "../../lib/net/dht/outside_look.ts";

/** What tests use of a node: all that publishing takes. */
export type PublicNode =
  & PublishingNode
  & Pick<DhtNode, "addresses" | "join" | typeof Symbol.asyncDispose>;

interface Member {
  readonly peer: KadPeer;
  readonly listeners: Set<() => void>;
  readonly lossListeners: Set<() => void>;
  /** What it was told to keep. */
  readonly values: Map<string, Uint8Array>;
  readonly providers: Map<string, Set<Member>>;
  /** What it provides itself. */
  readonly served: Map<string, Uint8Array>;
}

/**
 * A DHT in memory, so small that everybody keeps everything. Nodes that have
 * met, directly or through others, are one network.
 */
export class MemoryDht {
  readonly #members = new Map<string, Member>();
  /** Who knows whom; kept symmetrical and complete within a network. */
  readonly #networks = new Map<Member, Set<Member>>();
  #lastPort = 0;

  /** A node that knows nobody. */
  async openNode(): Promise<PublicNode> {
    const identity = await createIdentity();
    const address = `/ip4/192.0.2.1/tcp/${++this.#lastPort}`;
    const self: Member = {
      peer: {
        id: identity.peerId,
        multihash: identity.privateKey.publicKey.toMultihash().bytes,
        addresses: [address],
      },
      listeners: new Set(),
      lossListeners: new Set(),
      values: new Map(),
      providers: new Map(),
      served: new Map(),
    };
    this.#members.set(address, self);
    this.#networks.set(self, new Set([self]));
    const others = () =>
      [...this.#networks.get(self) ?? []].filter((m) => m !== self);
    return {
      peerId: identity.peerId,
      addresses: () => [`${address}/p2p/${identity.peerId}`],
      sign: identity.sign,
      joinStates: () => new Map(),
      join: (multiaddr) => {
        const other = this.#at(multiaddr);
        if (other === undefined) {
          return Promise.resolve(refuse("connection refused"));
        }
        this.#unite(self, other);
        return Promise.resolve(ok(undefined));
      },
      publish: (key, value, { onStored }) =>
        Promise.resolve(
          this.#publish(self, others(), { key, value, onStored }),
        ),
      publishAll: (entries) =>
        Promise.resolve(
          entries.map((entry) => this.#publish(self, others(), entry)),
        ),
      provide: ({ key, value }) => {
        self.served.set(key, value);
      },
      withdraw: (key) => {
        self.served.delete(key);
        self.values.delete(key);
        self.providers.get(key)?.delete(self);
        return Promise.resolve();
      },
      lookFromOutside: (key, { isOwn }) =>
        Promise.resolve(lookAmong(others(), self, key, isOwn)),
      isReachable: () => undefined,
      onPeerLost: (listener) => {
        self.lossListeners.add(listener);
        return () => self.lossListeners.delete(listener);
      },
      onPeer: (listener) => {
        self.listeners.add(listener);
        return () => self.listeners.delete(listener);
      },
      [Symbol.asyncDispose]: () => {
        this.#members.delete(address);
        const left = others();
        for (const other of left) this.#networks.get(other)?.delete(self);
        this.#networks.delete(self);
        for (const { lossListeners } of left) {
          for (const listener of lossListeners) listener();
        }
        return Promise.resolve();
      },
    };
  }

  /** A client, as `openDhtClient` opens one. */
  readonly openClient = (): Promise<DhtClient> =>
    Promise.resolve({
      findValues: (key, seeds) =>
        this.#steps(seeds, (member) => {
          const value = member.values.get(key);
          return { providers: [], ...value !== undefined && { value } };
        }),
      findProviders: (key, seeds) =>
        this.#steps(seeds, (member) => ({
          providers: [...member.providers.get(key) ?? []].map((m) => m.peer),
        })),
      fetch: (from, key) => {
        const member = this.#at(from.addresses[0] ?? "");
        const value = member?.served.get(key);
        return Promise.resolve(
          member === undefined
            ? refuse("connection refused")
            : value === undefined
            ? refuse("it no longer provides it")
            : ok(value),
        );
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });

  #publish(
    self: Member,
    others: readonly Member[],
    { key, value, onStored }: PublishEntry,
  ): AnnounceOutcome {
    self.served.set(key, value);
    for (const member of [self, ...others]) {
      member.values.set(key, value);
      const providers = member.providers.get(key) ?? new Set();
      member.providers.set(key, providers.add(self));
    }
    const count = others.length;
    if (count > 0) onStored?.();
    return {
      reached: count,
      storedAt: count,
      providedAt: count,
      failures: [],
    };
  }

  #at(multiaddr: string): Member | undefined {
    return this.#members.get(multiaddr.replace(/\/p2p\/.*/, ""));
  }

  #unite(a: Member, b: Member): void {
    const [ofA, ofB] = [this.#networks.get(a), this.#networks.get(b)];
    if (ofA === undefined || ofB === undefined || ofA === ofB) return;
    const all = new Set([...ofA, ...ofB]);
    for (const member of all) this.#networks.set(member, all);
    for (const member of [a, b]) {
      for (const listener of member.listeners) listener();
    }
  }

  async *#steps(
    seeds: readonly string[],
    answer: (member: Member) => { value?: Uint8Array; providers: KadPeer[] },
  ): AsyncGenerator<LookupStep> {
    const asked = new Set<Member>();
    for (const seed of seeds) {
      await Promise.resolve();
      const member = this.#at(seed);
      if (member === undefined) {
        yield { kind: "failure", at: seed, reason: "connection refused" };
        continue;
      }
      for (const one of this.#networks.get(member) ?? []) {
        if (asked.has(one)) continue;
        asked.add(one);
        yield {
          kind: "answer",
          distance: new Uint8Array(32),
          answer: { from: one.peer, closer: [], ...answer(one) },
        };
      }
    }
  }
}

/** As a stranger looks for one node among the others. */
function lookAmong(
  asked: readonly Member[],
  self: Member,
  key: string,
  isOwn: (value: Uint8Array) => boolean,
): OutsideLook {
  if (asked.length === 0) return { kind: "unanswered", failures: [] };
  const isFound = asked.some(({ values, providers }) => {
    const value = values.get(key);
    return value !== undefined && isOwn(value) ||
      (providers.get(key)?.has(self) ?? false);
  });
  return isFound
    ? { kind: "found" }
    : { kind: "absent", askedCount: asked.length };
}
