import type { InterfaceAddress, Link } from "../net/interfaces.ts";
import type { ServiceRecords } from "../net/mdns/querier.ts";
import type { HostView } from "./host_view.ts";
import type { PassedOver } from "./passed_over.ts";
import type { ProviderView } from "./provider_view.ts";

/** How a request over HTTP ended. */
export type HttpOutcome =
  /** What was asked for came. */
  | { readonly kind: "served" }
  /** Another answer came: a clause, fit to be printed. */
  | { readonly kind: "answered"; readonly reason: string }
  /** The host, or a firewall that rejects, said no at once. */
  | { readonly kind: "refused" }
  /** Nothing came back in time. */
  | { readonly kind: "silent" }
  /** There was no connection: a clause, fit to be printed. */
  | { readonly kind: "failed"; readonly reason: string };

/** An instance of our service type that was heard. */
export interface HeardInstance extends ServiceRecords {
  /** Its name, as it came. */
  readonly name: string;
}

/** What a stranger saw of multicast DNS on one link. */
export interface LinkView {
  /** Where it asked. */
  readonly link: Link;
  /**
   * Whether its own question came back to it: the system hands a copy of what
   * is multicast to its own sockets (RFC 1112 section 6.1), through the same
   * firewall as what others send.
   */
  readonly isOwnCopyHeard: boolean;
  /** Why it could not ask; `isPortHeld`: another program has port 5353. */
  readonly trouble?: {
    readonly isPortHeld: boolean;
    readonly message: string;
  };
  /** The instances of all providers. */
  readonly heard: readonly HeardInstance[];
}

/** What a stranger saw of the DHT. */
export interface DhtView {
  /** The nodes that it was to ask, which are not the provider's. */
  readonly nodes: readonly string[];
  readonly hasAnswer: boolean;
  /** The URL of the provider's manifest; undefined: not found. */
  readonly url: string | undefined;
  /** What it was told meanwhile: one clause each. */
  readonly problems: readonly string[];
}

/** The clock of another provider. */
export interface NeighbourClock {
  /** The provider's URL. */
  readonly url: string;
  /** How far it is ahead of this machine's, in milliseconds. */
  readonly aheadMs: number;
}

/** All that the findings are decided from. */
export interface Observations {
  /** Whether the provider runs on this machine, or is to. */
  readonly isLocal: boolean;
  /** Where it was asked for its status. */
  readonly attempts: readonly {
    readonly url: string;
    readonly outcome: HttpOutcome;
  }[];
  /** The provider that answered, if one did. */
  readonly provider:
    | (ProviderView & { readonly url: string })
    | undefined;
  /**
   * The addresses that identify it: its machine's own, or those that were
   * given.
   */
  readonly providerAddresses: readonly string[];
  /** This machine's clock when it asked: milliseconds since 1970. */
  readonly nowMs: number;
  /** The clocks of other providers on its links. */
  readonly neighbours: readonly NeighbourClock[];
  /** What the settings come to on this machine; undefined: not looked at. */
  readonly host: HostView | undefined;
  /** For the first image, if there was a node to ask. */
  readonly dht: DhtView | undefined;
  /** Every address of this machine. */
  readonly addresses: readonly InterfaceAddress[];
  /** What the provider does not use; empty unless it is on this machine. */
  readonly passedOver: readonly PassedOver[];
  /** Where a stranger asked for our service type. */
  readonly links: readonly LinkView[];
  /** Images with a kernel of another architecture, and which one that is. */
  readonly foreignKernels: ReadonlyMap<string, string>;
  /** What came of each URL that was tried. */
  readonly probes: ReadonlyMap<string, HttpOutcome>;
  /** What could not be looked at, one clause each, and how it could be. */
  readonly notLookedAt: readonly string[];
}
