import type { Clock } from "../../core/clock.ts";
import type { StateFile } from "../../core/state_file.ts";
import type { ResolveTxt } from "./dnsaddr.ts";
import type { ServingOptions } from "./internal/libp2p.ts";
import type { OnJoinState } from "./join_state.ts";

/** How a node serves others. */
export type { ServingOptions };

/** A connection with another node, by IP addresses. */
export interface PeerConnection {
  /** Ours, as the system has it. */
  readonly localAddress: string;
  /** The other node's, or of the router that it is behind. */
  readonly remoteAddress: string;
}

/** Makes the value for a peer that reads it over a connection. */
export type ValueFor = (ends: PeerConnection) => Promise<Uint8Array>;

/** How values are published. */
export interface PublishAllOptions {
  /** How long other nodes are to keep them. */
  readonly ttlSeconds: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** A value that is published. */
export interface PublishEntry {
  /** What it is found by. */
  readonly key: string;
  /** What other nodes keep. */
  readonly value: Uint8Array;
  /**
   * What a peer gets that reads the value from this node itself: best a form
   * that it can reach.
   */
  readonly valueFor?: ValueFor | undefined;
  /** Called whenever another node has said that it keeps the value. */
  readonly onStored?: (() => void) | undefined;
}

/** How a value is published. */
export interface PublishOptions
  extends PublishAllOptions, Omit<PublishEntry, "key" | "value"> {}

/** What a node needs. */
export interface DhtNodeOptions extends ServingOptions {
  /** Multiaddrs of nodes to join through. */
  readonly bootstrap: readonly string[];
  /** How long a provider entry of another node is kept. */
  readonly recordTtlSeconds: number;
  /** Told of the state of each bootstrap address. */
  readonly onJoinState?: OnJoinState;
  /** Told whether other nodes can connect to this one. */
  readonly onReachability?: (isReachable: boolean) => void;
  /** Told where another machine has the same identity. */
  readonly onCopy?: (address: string) => void;
  /** For the dates of records and for retries. */
  readonly clock: Clock;
  /** Where peers and records outlive a restart. @default nowhere */
  readonly stateFile?: StateFile;
  /** Asks the DNS what `/dnsaddr/...` stands for. @default the system's */
  readonly resolveTxt?: ResolveTxt;
  /** Ends the opening; the node itself ends when it is disposed of. */
  readonly signal: AbortSignal;
}
