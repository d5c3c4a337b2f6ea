import type { ChannelArch } from "../core/channel_arch.ts";

/** A place where an image may be had, as somebody on the network says. */
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
  /** Of the manifest, as the source says; fit to be printed. */
  readonly version: string;
  /** Who says so. */
  readonly source: Source["name"];
  /** Fit to be printed. */
  readonly providerName?: string;
  /** The libp2p peer id, where it is known. */
  readonly peerId?: string;
}

/** What a source learned, in the order it learned it. */
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
    /** Takes the place of what was said about the same before. */
    readonly topic?: string;
  };

/** What a source is told when it is asked. */
export interface FindOptions {
  /** Ends the search. */
  readonly signal: AbortSignal;
  /**
   * Whether the manifest of a candidate is being fetched and verified, or one
   * is about to be the result: a source that has heavy work to do leaves the
   * processor to that. @default {() => false}
   */
  readonly isChecking?: () => boolean;
  /**
   * Takes what happens, as it happens, for somebody who wants to know: one
   * clause each, fit to be printed. @default {() => {}}
   */
  readonly trace?: (event: string) => void;
  /**
   * When nobody waits for findings any more, by the monotonic clock.
   * @default {Infinity}
   */
  readonly deadlineMs?: number;
}

/** One way of asking the network. */
export interface Source {
  /** For results and messages. */
  readonly name: "mdns" | "dht";
  /**
   * Asks until the signal aborts, yielding findings as they come in; never
   * throws for what the network does. Ends by itself only when it cannot work
   * at all. Everything it opened is closed when the iteration ends.
   */
  find(image: ChannelArch, options: FindOptions): AsyncIterable<Finding>;
}
