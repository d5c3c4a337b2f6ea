import { type Clock, sleep } from "../core/clock.ts";
import { defaultRouteAddress } from "../net/default_route.ts";
import type { PeerConnection } from "../net/dht/node.ts";
import { type InterfaceAddress, systemAddresses } from "../net/interfaces.ts";
import {
  type AddressSettings,
  isWildcard,
  outwardAddress,
  peersBeyond,
} from "./addresses.ts";

/** By which address others reach this machine, as it is at the moment. */
export interface OutwardAddress extends AsyncDisposable {
  /** For those who hear of it in the DHT. */
  forPeers(): string;
  /** For the router of the default route. */
  forRouter(): string;
}

/** What finding the address takes. */
export interface OutwardAddressOptions {
  /** `bind` is where HTTP was bound. */
  readonly settings: AddressSettings;
  /** With whom the DHT node is connected now. */
  readonly connections: () => readonly PeerConnection[];
  /** For looking at the default route again. */
  readonly clock: Clock;
  /** Every address of the machine. @default systemAddresses */
  readonly addresses?: () => readonly InterfaceAddress[];
  /** Asks the system. @default defaultRouteAddress */
  readonly defaultRoute?: (
    options: { readonly clock: Clock },
  ) => Promise<string | undefined>;
}

/** A default route may come with a lease, after the program's start. */
const CHECK_INTERVAL_MS = 10_000;

/**
 * Keeps looking at what the address is decided from, unless it is given: where
 * HTTP listens on one address, that is it.
 */
export async function openOutwardAddress(
  options: OutwardAddressOptions,
): Promise<OutwardAddress> {
  const { settings, connections, clock } = options;
  const addresses = options.addresses ?? systemAddresses;
  const lookUp = options.defaultRoute ?? defaultRouteAddress;
  const isOpen = settings.bind === undefined || isWildcard(settings.bind);
  const closing = new AbortController();
  let defaultRoute: string | undefined;
  let beyond: readonly PeerConnection[] = [];

  const watch = async () => {
    while (!closing.signal.aborted) {
      await sleep(clock, CHECK_INTERVAL_MS, { signal: closing.signal })
        .catch(() => {});
      if (!closing.signal.aborted) defaultRoute = await lookUp({ clock });
    }
  };
  if (isOpen) defaultRoute = await lookUp({ clock });
  const watching = isOpen ? watch() : Promise.resolve();

  return {
    forPeers() {
      const all = addresses();
      const peers = connections();
      // Kept when the last of them is gone, or the record would go to and fro
      // with every connection that breaks.
      const now = peersBeyond(all, peers);
      if (now.length > 0) beyond = now;
      return outwardAddress(settings, all, {
        peers: [...beyond, ...peers],
        defaultRoute,
      });
    },
    forRouter: () =>
      outwardAddress(settings, addresses(), { peers: [], defaultRoute }),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await watching;
    },
  };
}
