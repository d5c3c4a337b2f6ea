import type { ChannelArch } from "../core/channel_arch.ts";

/** A place where an image may be, as reported by a source. */
export interface Candidate {
  /** http or https. */
  readonly manifestUrl: URL;
  /**
   * The same provider by other addresses: each is tried when those before it
   * gave nothing. @default {[]}
   */
  readonly otherUrls?: readonly URL[];
  /** Which image it is, as the source says. */
  readonly image: ChannelArch;
  /** The version of the manifest, as the source has it; safe to print. */
  readonly version: string;
  readonly source: Source["name"];
  /** Fit to be printed. */
  readonly providerName?: string;
  /** The libp2p peer id, where it is known. */
  readonly peerId?: string;
}

/** What a source has learned, in order. */
export type Finding =
  | { readonly kind: "candidate"; readonly candidate: Candidate }
  /** An image that exists, but is not the one asked for. */
  | { readonly kind: "other"; readonly image: ChannelArch }
  /** A DHT node that can be joined through, as a multiaddr with peer id. */
  | { readonly kind: "peer"; readonly multiaddr: string }
  /** What was tried, or does not work: one clause, fit to be printed. */
  | {
    readonly kind: "problem";
    readonly message: string;
    /** Replaces what was reported on the same topic before. */
    readonly topic?: string;
  };

/** The parameters of one search. */
export interface FindOptions {
  /** Ends the search. */
  readonly signal: AbortSignal;
  /**
   * Whether the manifest of a candidate is being fetched and verified, or one
   * is about to be the result: a source that has heavy work to do leaves the
   * processor to that. @default {() => false}
   */
  readonly isChecking?: () => boolean;
  /** Receives what happens, for diagnosis: one clause each, safe to print. */
  readonly trace?: (event: string) => void;
  /**
   * When the search ends, on the monotonic clock.
   *
   * @default {Infinity}
   */
  readonly deadlineMs?: number;
}

/** One way of asking the network. */
export interface Source {
  /** The name in results and messages. */
  readonly name: "mdns" | "dht";
  /**
   * Asks until the signal aborts, yielding findings as they come in; never
   * throws because of the network. It ends earlier only if it cannot work at
   * all, and closes what it opened when the iteration ends.
   */
  find(image: ChannelArch, options: FindOptions): AsyncIterable<Finding>;
}
