import type { Libp2p, PeerId } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { remembered } from "../../core/clock.ts";
import type { Result } from "../../core/result.ts";
import type { StateFile } from "../../core/state_file.ts";
import { type AnnounceOutcome, REACHED_NOBODY } from "./announce_outcome.ts";
import type { Identity } from "./identity.ts";
import { tcpPort } from "./internal/addresses.ts";
import {
  announcement,
  announceTo,
  REQUEST_TIMEOUT_MS,
} from "./internal/announce.ts";
import { clockLead } from "./internal/clock_lead.ts";
import { CopyWatch } from "./internal/copied_identity.ts";
import {
  answerStreams,
  boundQueries,
  connectionEnds,
  createNodeLibp2p,
  type DhtServices,
  startListening,
} from "./internal/libp2p.ts";
import { Membership } from "./internal/membership.ts";
import { NearestPeers } from "./internal/nearest_peers.ts";
import { NodeStore } from "./internal/node_store.ts";
import { Outsider, strangerSeeds } from "./internal/outsider.ts";
import { FETCH_PROTOCOL } from "./internal/request.ts";
import {
  answerFetch,
  answerRequest,
  type AnswerSources,
} from "./internal/request_answers.ts";
import {
  limitBuckets,
  limitGroups,
  routingTableSize,
} from "./internal/routing_table.ts";
import { serveRequests } from "./internal/serve_requests.ts";
import { sweep } from "./internal/sweep.ts";
import { watchPresence } from "./internal/watch_peers.ts";
import type { JoinStates } from "./join_state.ts";
import type { WirePeer } from "./message.ts";
import type {
  DhtNodeOptions,
  PeerConnection,
  PublishAllOptions,
  PublishEntry,
  PublishOptions,
} from "./node_options.ts";
import type { OutsideLook } from "./outside_look.ts";
import type { PeerContact } from "./peer_contacts.ts";
import { RequestTally } from "./request_tally.ts";
import { dhtState, keepDhtState, loadDhtState } from "./state.ts";

/** How long own addresses are remembered before they are determined again. */
const ADDRESSES_MS = 200;

/** A serving member of the DHT. */
export class DhtNode implements AsyncDisposable {
  /** Base58, such as `12D3KooW...`. */
  readonly peerId: string;
  /** Ed25519 by the key of the peer id. */
  readonly sign: Identity["sign"];
  /** Requests of others since the start, by kind and by what came of them. */
  readonly requestCounts = new RequestTally();
  /** Requests to others, by publishing and by looking from outside, likewise. */
  readonly sentCounts = new RequestTally();
  readonly #options: DhtNodeOptions;
  readonly #libp2p: Libp2p<DhtServices>;
  readonly #store: NodeStore;
  readonly #membership: Membership;
  /** Asked for once for thousands of values that are published together. */
  readonly #ownAddresses: () => readonly Multiaddr[];
  readonly #copies: CopyWatch;
  readonly #outsider: Outsider;
  readonly #closing = new AbortController();
  readonly #tasks: Promise<void>[] = [];

  private constructor(
    options: DhtNodeOptions,
    libp2p: Libp2p<DhtServices>,
  ) {
    this.peerId = options.identity.peerId;
    this.sign = options.identity.sign;
    this.#options = options;
    this.#libp2p = libp2p;
    const { signal } = this.#closing;
    this.#membership = new Membership(libp2p, { ...options, signal });
    this.#copies = new CopyWatch({ ...options, own: libp2p, signal });
    this.#outsider = new Outsider({
      ...options,
      self: this.peerId,
      sent: this.sentCounts,
      onNamed: (addresses) => void this.#copies.named(addresses),
    });
    const ownId = `/p2p/${this.peerId}`;
    this.#ownAddresses = remembered(
      options.clock,
      ADDRESSES_MS,
      () => libp2p.getMultiaddrs().map((a) => a.decapsulate(ownId)),
    );
    const multihash = libp2p.peerId.toMultihash().bytes;
    this.#store = new NodeStore(options, multihash, watchPresence(libp2p));
  }

  /**
   * Starts a node that answers others, and keeps joining the network until it
   * is disposed of.
   *
   * @throws ListenError
   * @throws UserError when a newer program has kept the state file
   */
  static async open(options: DhtNodeOptions): Promise<DhtNode> {
    options.signal.throwIfAborted();
    let node: DhtNode | undefined = undefined;
    const libp2p = await createNodeLibp2p({
      ...options,
      alsoAnnounce: (port) => [
        ...options.alsoAnnounce(port),
        ...node === undefined ? [] : node.#provenAddresses(),
      ],
    });
    node = new DhtNode(options, libp2p);
    try {
      await node.#start();
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
    return node;
  }

  /** Multiaddrs with peer id that others can join through. */
  addresses(): string[] {
    return this.#libp2p.getMultiaddrs().map((a) => a.toString());
  }

  /** Which TCP port it listens on. */
  port(): number | undefined {
    const port = tcpPort(this.#libp2p.services.listening.addresses());
    return port === undefined ? undefined : Number(port);
  }

  /** Nodes in the routing table. */
  peerCount(): number {
    return routingTableSize(this.#libp2p.services.dht);
  }

  /** The open connections with DHT nodes, dialled by either side. */
  connections(): PeerConnection[] {
    return this.#membership.connections().flatMap(connectionEnds);
  }

  /** The nodes that it is or was connected with, the last first; bounded. */
  peers(): PeerContact[] {
    return this.#membership.contacts();
  }

  /** Whether other nodes can connect to this one, if they reported it. */
  isReachable(): boolean | undefined {
    return this.#membership.isReachable;
  }

  /** Where another machine has the same identity, as far as that is known. */
  copiedAt(): string | undefined {
    return this.#copies.at;
  }

  /** The bootstrap addresses, each with its state. */
  joinStates(): JoinStates {
    return this.#membership.joinStates;
  }

  /**
   * Meets one more node, such as a neighbour that mDNS has found. It is not
   * dialled again when it is lost.
   *
   * @param address a multiaddr, untrusted
   */
  async join(
    address: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<void>> {
    return await this.#membership.join(address, { signal });
  }

  /**
   * Keeps a value, answers for it, and has the nodes nearest to its key keep
   * it too, for `ttlSeconds`: nothing is repeated by itself.
   *
   * In the public DHT they are told who has it, alone.
   *
   * @returns once all of them were told, or have not answered in time
   * @throws Error when others could not be told where this node is
   */
  async publish(
    key: string,
    value: Uint8Array,
    { valueFor, onStored, ...options }: PublishOptions,
  ): Promise<AnnounceOutcome> {
    const entry = { key, value, valueFor, onStored };
    this.provide(entry);
    const how = await this.#announcing(options);
    if (how.seeds.length === 0) return REACHED_NOBODY;
    return await announceTo({ ...how, ...this.#announced(entry, options) });
  }

  /**
   * Does the same for many values: nodes are looked up once for keys that are
   * near each other, and each node is told of all its values together.
   *
   * @returns for each of them what became of it
   */
  async publishAll(
    entries: readonly PublishEntry[],
    options: PublishAllOptions,
  ): Promise<AnnounceOutcome[]> {
    for (const entry of entries) this.provide(entry);
    const how = await this.#announcing(options);
    if (how.seeds.length === 0) return entries.map(() => REACHED_NOBODY);
    return await sweep(
      entries.map((entry) => this.#announced(entry, options)),
      { ...how, timeoutMs: REQUEST_TIMEOUT_MS },
    );
  }

  /** Keeps a value and answers for it, without telling anybody. */
  provide({ key, value, valueFor }: PublishEntry): void {
    this.#store.provide(key, value, valueFor);
  }

  /** The nodes to announce to, and the means. */
  async #announcing({ signal }: PublishAllOptions) {
    const { clock, protocol, isAmino = false } = this.#options;
    const known = await this.#membership.known();
    const seeds = [...known, ...this.#membership.usableBootstrap()];
    if (isAmino && seeds.length > 0 && this.#ownAddresses().length === 0) {
      throw new Error("this machine has no reachable public address");
    }
    return {
      node: this.#libp2p,
      ...{ protocol, isAmino, clock, seeds, sent: this.sentCounts },
      signal: AbortSignal.any([signal, this.#closing.signal]),
    };
  }

  /** The announcement of a value; in the public DHT, of its provider only. */
  #announced(entry: PublishEntry, { ttlSeconds }: PublishAllOptions) {
    const { clock, isAmino = false } = this.#options;
    return announcement(entry, {
      ttlSeconds,
      receivedAtMs: clock.now(),
      provider: this.#ownPeer(),
      keepsValues: !isAmino,
    });
  }

  /** Stops answering for a key; copies at other nodes end with their TTL. */
  withdraw(key: string): Promise<void> {
    this.#store.withdraw(key);
    return Promise.resolve();
  }

  /**
   * Looks under a key for this node, as a stranger would: through other nodes.
   *
   * @param options `isOwn`: whether a value, untrusted, leads to this node
   */
  async lookFromOutside(
    key: string,
    { isOwn, signal }: {
      readonly isOwn: (value: Uint8Array) => boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<OutsideLook> {
    const options = {
      ...this.#options,
      signal: AbortSignal.any([signal, this.#closing.signal]),
    };
    const known = await this.#membership.known();
    const seeds = strangerSeeds(known, options.bootstrap);
    const look = await this.#outsider.look({ ...options, key, seeds, isOwn });
    if (look.kind !== "found") return look;
    return { ...look, clockLeadMs: await this.clockLead({ signal }) };
  }

  /**
   * How far the own clock is ahead of those of other nodes, in milliseconds;
   * undefined: none tells the time.
   */
  async clockLead(
    { signal }: { readonly signal: AbortSignal },
  ): Promise<number | undefined> {
    return await clockLead(this.#libp2p, this.#membership.connections(), {
      ...this.#options,
      signal: AbortSignal.any([signal, this.#closing.signal]),
    });
  }

  /**
   * Calls back whenever a DHT node has been connected with.
   *
   * @returns stops it
   */
  onPeer(listener: () => void): () => void {
    return this.#membership.onPeer(listener);
  }

  /** Calls back whenever one has left, until what it returns is called. */
  onPeerLost(listener: () => void): () => void {
    return this.#membership.onPeerLost(listener);
  }

  /** Leaves the DHT. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#tasks);
    await this.#libp2p.stop();
  }

  async #start(): Promise<void> {
    const { stateFile } = this.#options;
    await this.#serve();
    await startListening(this.#libp2p, this.#options);
    this.#tasks.push(this.#membership.run());
    if (stateFile !== undefined) await this.#resume(stateFile);
  }

  /**
   * Confirmed addresses count in the public DHT only: on a LAN no router is in
   * between.
   */
  #provenAddresses(): string[] {
    const { provenAddress } = this.#membership;
    const isTold = this.#options.isAmino && provenAddress !== undefined;
    return isTold ? [provenAddress] : [];
  }

  /** Answers others, and keeps groups of them from crowding out the rest. */
  async #serve(): Promise<void> {
    const { policy, clock, isAmino = false } = this.#options;
    const { peerId, services: { dht } } = this.#libp2p;
    const nearest = new NearestPeers(this.#libp2p, this.#options);
    const groupOf = (peer: PeerId) => nearest.group(peer);
    if (isAmino) limitGroups(dht, peerId, groupOf);
    else limitBuckets(dht, groupOf);
    const { values, providers } = this.#store;
    const sources: AnswerSources = {
      ...{ policy, isAmino },
      values,
      providers,
      clock,
      tally: this.requestCounts,
      ownEntry: (multihash) =>
        this.#store.provides(multihash) ? this.#ownPeer() : undefined,
      closer: nearest.closer.bind(nearest),
    };
    boundQueries(this.#libp2p, this.#options);
    const serve = serveRequests({ clock, signal: this.#closing.signal });
    answerStreams(
      this.#libp2p,
      serve((bytes, asker) => answerRequest(bytes, asker, sources)),
    );
    await this.#libp2p.handle(
      FETCH_PROTOCOL,
      serve((bytes, _asker, connection) => {
        const [ends] = connectionEnds(connection);
        return answerFetch(bytes, ends, this.#store);
      }),
    );
  }

  #ownPeer(): WirePeer {
    const multihash = this.#libp2p.peerId.toMultihash().bytes;
    return { multihash, addresses: this.#ownAddresses().map((a) => a.bytes) };
  }

  /** Takes up what a node knew before, and keeps what it comes to know. */
  async #resume(stateFile: StateFile): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    const state = await loadDhtState(stateFile);
    await this.#store.resume(state.records);
    const dials = state.peers.map((peer) => this.join(peer, { signal }));
    this.#tasks.push(
      Promise.all(dials).then(() => {}),
      keepDhtState(stateFile, {
        current: async () =>
          dhtState(await this.#membership.known(), this.#store.records()),
        clock,
        signal,
      }),
    );
  }
}

/** A DHT node by what it does, which another make of node can do as well. */
export type ServingNode = Pick<DhtNode, keyof DhtNode>;
