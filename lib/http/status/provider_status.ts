import type { ChannelArch } from "../../core/channel_arch.ts";
import type { JoinStates } from "../../net/dht/join_state.ts";
import type { PeerContact } from "../../net/dht/peer_contacts.ts";
import type { KadRequestCount } from "../../net/dht/request_tally.ts";
import type { ScrubProgress } from "../../scan/content_scrub.ts";

/** How one way of advertising stands with one image. */
export interface AdvertisementStatus {
  readonly image: ChannelArch;
  /** How images are advertised. */
  readonly via: "mDNS" | "DHT";
  /** Whether the network can find it this way at the moment. */
  readonly published: boolean;
  /** When that last succeeded, where it is known: milliseconds since 1970. */
  readonly lastPublishedMs?: number;
  /** When it is published again, where it is known and not being done now. */
  readonly nextRefreshMs?: number;
  /** How many other DHT nodes hold the record. */
  readonly holders?: number;
  /** Why the last attempt failed. */
  readonly problem?: string;
}

/** How publishing in the DHT is getting on, over all images. */
export interface DhtPublishing {
  /** Images that are being published, or waiting to be. */
  readonly waiting: number;
  /** How long the first of them has been waiting, in milliseconds. */
  readonly lagMs: number;
  /** How many other nodes were told of an image, on average. */
  readonly meanHolders: number;
  /** The last round of refreshes, if there was one. */
  readonly lastRound?: {
    /** When its first image was published, milliseconds since 1970. */
    readonly beganMs: number;
    /** Images that were published. */
    readonly told: number;
    /** Attempts that reached no node that would keep the record. */
    readonly failed: number;
  };
}

/** How mDNS is doing on one network interface. */
export interface LinkStatus {
  /** Such as `eth0`. */
  readonly interfaceName: string;
  /** The first of its addresses. */
  readonly address: string;
  /** `idle`: there is nothing to advertise there. */
  readonly state: "established" | "probing" | "idle" | "failed";
  /** Why it failed. */
  readonly reason?: string;
}

/** A content of an image, under the names that people and programs have for it. */
export interface Release {
  /** The manifest's `version`. */
  readonly version: string;
  readonly manifestVersion: number;
}

/** How a mirror stands with one image. */
export interface MirrorStatus {
  readonly image: ChannelArch;
  /** What it does at the moment. */
  readonly activity: "asking" | "fetching" | "waiting";
  /** What it has whole; undefined: nothing yet. */
  readonly has: Release | undefined;
  /** The newest that a trusted key has signed, as far as it was found. */
  readonly newest: Release | undefined;
  /** Since when it knows of a newer one than it has: milliseconds since 1970. */
  readonly behindSinceMs: number | undefined;
  /** When another provider of the image was found last. */
  readonly lastFoundMs: number | undefined;
  /** When others are asked again. */
  readonly nextAskMs: number | undefined;
  /** How much of the newest is here, while it is being fetched. */
  readonly fetched:
    | { readonly doneBytes: number; readonly totalBytes: number }
    | undefined;
  /** Why it does not have the newest, or does not know it. */
  readonly problem: string | undefined;
}

/** What operators are shown of a provider, HTTP aside. */
export interface ProviderStatus {
  /** `bootstrap`: a DHT node without images, for others to join through. */
  readonly kind: "provider" | "bootstrap";
  /** What people see it by. */
  readonly name: string;
  /** The version of the software. */
  readonly version: string;
  /** When it was started: milliseconds since 1970. */
  readonly startedMs: number;
  /** The ways of advertising that are switched on. */
  readonly advertisers: readonly AdvertisementStatus["via"][];
  /** One for each image and way of advertising. */
  readonly advertisements: readonly AdvertisementStatus[];
  /** Images that are expected and not there. */
  readonly missing: readonly ChannelArch[];
  /** The socket that HTTP listens on. */
  readonly http: { readonly address: string; readonly port: number };
  /** The interfaces that mDNS is configured to use; none: the default. */
  readonly interfaces: readonly string[];
  /** Where mDNS answers. */
  readonly links: readonly LinkStatus[];
  /** The DHT node, where there is one. */
  readonly dht?: {
    /** Base58. */
    readonly peerId: string;
    /** Nodes it knows. */
    readonly peerCount: number;
    /** Whether others can connect to it; undefined: not known yet. */
    readonly isReachable: boolean | undefined;
    /** Nodes that it is or was connected with, the last first. */
    readonly peers: () => readonly PeerContact[];
    /** Requests of other nodes since the start. */
    readonly requests: readonly KadRequestCount[];
    /** Requests to other nodes since the start, by publishing and looking. */
    readonly sentRequests: readonly KadRequestCount[];
    /** How publishing is getting on. @default nothing is published */
    readonly publishing?: DhtPublishing | undefined;
    /** The nodes to join through. */
    readonly bootstrap: JoinStates;
  };
  /** What is wrong at the moment: one clause each. */
  readonly warnings: readonly string[];
  /** How the reading of everything again stands. */
  readonly scrub: ScrubProgress;
  /** Of a mirror, image by image. */
  readonly mirror?: readonly MirrorStatus[];
}
