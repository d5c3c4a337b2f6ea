import type { InterfaceAddress, Link } from "../net/interfaces.ts";
import type { ServiceRecords } from "../net/mdns/querier.ts";
import type { HostView } from "./host_view.ts";
import type { PassedOver } from "./passed_over.ts";
import type { ProviderView } from "./provider_view.ts";

/** How an HTTP request ended. */
export type HttpOutcome =
  /** The expected answer came. */
  | { readonly kind: "served" }
  /** Another answer came: a clause, fit to be printed. */
  | { readonly kind: "answered"; readonly reason: string }
  /** The host or a rejecting firewall refused at once. */
  | { readonly kind: "refused" }
  /** Nothing came back in time. */
  | { readonly kind: "silent" }
  /** The connection failed: a clause, fit to be printed. */
  | { readonly kind: "failed"; readonly reason: string };

/** An instance of our service type, as heard. */
export interface HeardInstance extends ServiceRecords {
  /** Its name, as received. */
  readonly name: string;
}

/** What a stranger saw of multicast DNS on one link. */
export interface LinkView {
  /** Where it asked. */
  readonly link: Link;
  /**
   * Whether its own query came back to it: the system gives its own sockets a
   * copy of outgoing multicast (RFC 1112 section 6.1), which passes the same
   * firewall as packets from others.
   */
  readonly isOwnCopyHeard: boolean;
  /** Why it could not ask; `isPortHeld`: another program holds port 5353. */
  readonly trouble?: {
    readonly isPortHeld: boolean;
    readonly message: string;
  };
  /** The instances of all providers. */
  readonly heard: readonly HeardInstance[];
}

/** What a stranger saw of the DHT. */
export interface DhtView {
  /** The nodes it was told to ask, other than the provider's own. */
  readonly nodes: readonly string[];
  readonly hasAnswer: boolean;
  /** The URL of the provider's manifest; undefined: not found. */
  readonly url: string | undefined;
  /** Problems met on the way: one clause each. */
  readonly problems: readonly string[];
}

/** The clock of another provider. */
export interface NeighbourClock {
  /** The provider's URL. */
  readonly url: string;
  /** How far it is ahead of this machine's clock, in milliseconds. */
  readonly aheadMs: number;
}

/** All that the findings are decided from. */
export interface Observations {
  /** Whether the provider runs, or is to run, on this machine. */
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
   * The addresses that identify it: its machine's own, or those that the user
   * gave.
   */
  readonly providerAddresses: readonly string[];
  /** This machine's clock at the time of asking: milliseconds since 1970. */
  readonly nowMs: number;
  /** The clocks of other providers on its links. */
  readonly neighbours: readonly NeighbourClock[];
  /** What the settings come to on this machine; undefined: not checked. */
  readonly host: HostView | undefined;
  /** For the first image, if there was a node to ask. */
  readonly dht: DhtView | undefined;
  /** Every address of this machine. */
  readonly addresses: readonly InterfaceAddress[];
  /** Interfaces it does not use; empty unless it is on this machine. */
  readonly passedOver: readonly PassedOver[];
  /** The links on which a stranger asked for our service type. */
  readonly links: readonly LinkView[];
  /** Images with a kernel for another architecture, and which one. */
  readonly foreignKernels: ReadonlyMap<string, string>;
  /** The outcome for each URL that was tried. */
  readonly probes: ReadonlyMap<string, HttpOutcome>;
  /** What could not be checked, one clause each, and how it could be. */
  readonly notLookedAt: readonly string[];
}
