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

/** Makes a value for who reads it over a connection. */
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
   * What those are answered who read the value from this node itself, over a
   * connection: best what they can reach. @default the value
   */
  readonly valueFor?: ValueFor | undefined;
  /** Called whenever another node has said that it keeps the value. */
  readonly onStored?: (() => void) | undefined;
}

/** How a value is published. */
export interface PublishOptions
  extends PublishAllOptions, Omit<PublishEntry, "key" | "value"> {}

/** What a node is made of. */
export interface DhtNodeOptions extends ServingOptions {
  /** Multiaddrs of nodes to join through. */
  readonly bootstrap: readonly string[];
  /** How long a provider entry of another node is kept. */
  readonly recordTtlSeconds: number;
  /** Told how it stands with each bootstrap address. @default nobody */
  readonly onJoinState?: OnJoinState;
  /** Told whether other nodes can connect with this one. @default nobody */
  readonly onReachability?: (isReachable: boolean) => void;
  /** Told where another machine has the same identity. @default nobody */
  readonly onCopy?: (address: string) => void;
  /** For records' dates and for retries. */
  readonly clock: Clock;
  /** Where peers and records outlive a restart. @default nowhere */
  readonly stateFile?: StateFile;
  /** Asks the DNS what `/dnsaddr/...` stands for. @default the system's */
  readonly resolveTxt?: ResolveTxt;
  /** Ends the opening; the node itself ends when it is disposed of. */
  readonly signal: AbortSignal;
}
