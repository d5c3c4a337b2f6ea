import { inBackground } from "../core/background.ts";
import { type Clock, sleep } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { defaultRouteAddress } from "../net/default_route.ts";
import type { PeerConnection } from "../net/dht/node_options.ts";
import { type InterfaceAddress, systemAddresses } from "../net/interfaces.ts";
import {
  type AddressSettings,
  isWildcard,
  outwardAddress,
  peersBeyond,
} from "./addresses.ts";

/** The address by which others reach this machine at the moment. */
export interface OutwardAddress extends AsyncDisposable {
  /** The address for peers in the DHT. */
  forPeers(): string;
  /** The address for the router of the default route. */
  forRouter(): string;
}

/** What the address is found with. */
export interface OutwardAddressOptions {
  /** `bind` is where HTTP was bound. */
  readonly settings: AddressSettings;
  /** The connections that the DHT node has now. */
  readonly connections: () => readonly PeerConnection[];
  /** For refreshing the default route. */
  readonly clock: Clock;
  /** Warned when that fails. */
  readonly logger: Logger;
  /** Every address of the machine. @default systemAddresses */
  readonly addresses?: () => readonly InterfaceAddress[];
  /** Asks the system. @default defaultRouteAddress */
  readonly defaultRoute?: typeof defaultRouteAddress;
  /** Ends the opening. */
  readonly signal: AbortSignal;
}

/** A default route may come with a lease, after the program's start. */
const CHECK_INTERVAL_MS = 10_000;

/**
 * Keeps track of what the address is decided from, unless it is given: where
 * HTTP listens on one address, that is it.
 *
 * @throws the signal's reason, when it aborts first
 */
export async function openOutwardAddress(
  options: OutwardAddressOptions,
): Promise<OutwardAddress> {
  const { settings, connections, clock, logger } = options;
  const addresses = options.addresses ?? systemAddresses;
  const lookUp = options.defaultRoute ?? defaultRouteAddress;
  const isOpen = settings.bind === undefined || isWildcard(settings.bind);
  let defaultRoute: string | undefined;
  let beyond: readonly PeerConnection[] = [];
  await using stack = new AsyncDisposableStack();
  if (isOpen) {
    defaultRoute = await lookUp({ clock, signal: options.signal });
    stack.use(inBackground(async ({ signal }) => {
      while (true) {
        await sleep(clock, CHECK_INTERVAL_MS, { signal });
        defaultRoute = await lookUp({ clock, signal });
      }
    }, { logger }));
  }
  return Object.assign(stack.move(), {
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
  });
}
