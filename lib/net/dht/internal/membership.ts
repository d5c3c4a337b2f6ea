import type { Connection, Libp2p } from "@libp2p/interface";
import type { Clock } from "../../../core/clock.ts";
import type { Result } from "../../../core/result.ts";
import type { JoinState, JoinStates } from "../join_state.ts";
import type { KadPeer } from "../lookup.ts";
import type { DhtNodeOptions } from "../node_options.ts";
import { type PeerContact, PeerContacts } from "../peer_contacts.ts";
import { AMINO } from "./amino.ts";
import { joinThrough, keepJoined } from "./join.ts";
import type { DhtServices } from "./libp2p.ts";
import { watchReachability } from "./reachability.ts";
import { routingTablePeers, routingTableSize } from "./routing_table.ts";
import { onClosed, onIdentified, watchPeers } from "./watch_peers.ts";

/** What a membership needs. */
export interface MembershipOptions extends
  Pick<
    DhtNodeOptions,
    | "bootstrap"
    | "isAmino"
    | "onJoinState"
    | "onReachability"
    | "protocol"
    | "resolveTxt"
  > {
  /** For retries. */
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** How long the known nodes are remembered before they are looked up again. */
const KNOWN_MS = 200;

/**
 * The place of a node among the others: how it joins them, and which it meets.
 */
export class Membership {
  readonly #libp2p: Libp2p<DhtServices>;
  readonly #options: MembershipOptions;
  readonly #joinStates = new Map<string, JoinState>();
  /** Connections with nodes of the DHT. */
  readonly #withNodes = new WeakSet<Connection>();
  readonly #contacts = new PeerContacts();
  #isReachable: boolean | undefined;
  #provenAddress: string | undefined;
  #known: {
    readonly peers: Promise<readonly KadPeer[]>;
    readonly untilMs: number;
  } = { peers: Promise.resolve([]), untilMs: -Infinity };

  constructor(libp2p: Libp2p<DhtServices>, options: MembershipOptions) {
    this.#libp2p = libp2p;
    this.#options = options;
  }

  /** Whether other nodes can connect to this one, if they reported it. */
  get isReachable(): boolean | undefined {
    return this.#isReachable;
  }

  /**
   * Where others reached this node, seen from outside alone: a router leads
   * from there to it. A multiaddr without peer id.
   */
  get provenAddress(): string | undefined {
    return this.#provenAddress;
  }

  /** The bootstrap addresses, each with its state. */
  get joinStates(): JoinStates {
    return this.#joinStates;
  }

  /** Joins the others and watches them come and go, until the signal aborts. */
  async run(): Promise<void> {
    const { bootstrap, isAmino, clock, resolveTxt, signal } = this.#options;
    const { dht } = this.#libp2p.services;
    const { protocol, onJoinState, onReachability } = this.#options;
    onIdentified(this.#libp2p, protocol, (connection) => {
      this.#withNodes.add(connection);
      this.#known = { ...this.#known, untilMs: -Infinity };
    });
    this.onPeerLost((connection) => {
      this.#contacts.ended(connection, clock.now());
    });
    watchPeers(this.#libp2p, { protocol, isAmino, clock, signal });
    await Promise.all([
      keepJoined({
        node: this.#libp2p,
        addresses: bootstrap,
        onState: (address, state) => {
          this.#joinStates.set(address, state);
          onJoinState?.(address, state);
        },
        isNeeded: () => !isAmino || routingTableSize(dht) < AMINO.minNodes,
        clock,
        resolveTxt,
        signal,
      }),
      watchReachability(this.#libp2p, {
        connections: () => this.connections(),
        onChange: (isReachable, address) => {
          this.#isReachable = isReachable;
          this.#provenAddress = address?.toString();
          if (isAmino) this.#askToBeAsked(isReachable);
          onReachability?.(isReachable);
        },
        clock,
        signal,
      }),
    ]);
  }

  /** In the public DHT, a node that cannot be reached must not be asked. */
  #askToBeAsked(isReachable: boolean): void {
    const mode = isReachable ? "server" : "client";
    this.#libp2p.services.dht.setMode(mode).catch(() => {
      // It is being closed.
    });
  }

  /** Dials one more node, once. */
  async join(
    address: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<void>> {
    return await joinThrough(this.#libp2p, address, {
      clock: this.#options.clock,
      signal: AbortSignal.any([signal, this.#options.signal]),
    });
  }

  /** The open connections with DHT nodes, dialled by either side. */
  connections(): Connection[] {
    return this.#libp2p.getConnections()
      .filter((one) => this.#withNodes.has(one));
  }

  /** The nodes that it is or was connected with, the last first; bounded. */
  contacts(): PeerContact[] {
    return this.#contacts.list(this.connections(), this.#options.clock.now());
  }

  /** The nodes that are known, asked for once in a short while. */
  known(): Promise<readonly KadPeer[]> {
    const now = this.#options.clock.monotonic();
    if (now >= this.#known.untilMs) {
      const peers = routingTablePeers(this.#libp2p, this.#options.protocol);
      this.#known = { peers, untilMs: now + KNOWN_MS };
    }
    return this.#known.peers;
  }

  /** The bootstrap addresses that may answer. */
  usableBootstrap(): string[] {
    return this.#options.bootstrap.filter((address) =>
      this.#joinStates.get(address)?.kind !== "failed" &&
      !address.startsWith("/dnsaddr/")
    );
  }

  /**
   * Calls back whenever a DHT node has been connected with.
   *
   * @returns stops it
   */
  onPeer(listener: () => void): () => void {
    return onIdentified(this.#libp2p, this.#options.protocol, listener);
  }

  /** Calls back whenever one has left, until what it returns is called. */
  onPeerLost(listener: (connection: Connection) => void): () => void {
    return onClosed(this.#libp2p, this.#withNodes, listener);
  }
}
