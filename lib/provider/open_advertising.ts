import type { Advertiser } from "../advertise/advertiser.ts";
import type { DhtAdvertiser } from "../advertise/dht_advertiser.ts";
import {
  type MdnsAdvertiser,
  openMdnsAdvertiser,
} from "../advertise/mdns_advertiser.ts";
import { inBackground } from "../core/background.ts";
import { remembered } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { createMdnsSource } from "../discover/mdns_source.ts";
import type { ServingNode } from "../net/dht/node.ts";
import type { HttpServer } from "../net/http1/server.ts";
import { withoutOwnPackets } from "../net/mdns/own_packets.ts";
import type { MdnsNetwork } from "../net/mdns/socket.ts";
import { systemMdnsNetwork } from "../net/mdns/system_network.ts";
import { preferredAddress } from "../net/preferred_address.ts";
import type { PortMapper } from "../net/upnp/port_mapper.ts";
import { listensOn } from "./addresses.ts";
import type { Discovery } from "./discovery_status.ts";
import { imagesServedBefore } from "./kept_manifests.ts";
import type { Machine, ServeConfig } from "./machine.ts";
import { openOutwardAddress } from "./outward_address.ts";

/** The advertisers of a provider, with what they need. */
export interface Advertising extends AsyncDisposable {
  /** Each advertises every image. */
  readonly advertisers: readonly Advertiser[];
  /** The same, for the provider's status. */
  readonly discovery: Discovery;
  /** The node in the DHT, if that is on. */
  readonly node: ServingNode | undefined;
}

/** Loads the code for the DHT when it is needed: libp2p takes 0.2 s. */
export type LoadDht = () => Promise<typeof import("./open_dht.ts")>;

const loadDht: LoadDht = () => import("./open_dht.ts");

/**
 * Opens the advertisers that the settings ask for beside mDNS, which is open
 * and becomes one of them. When one cannot be opened, the others are closed.
 *
 * @param http the server whose URLs are advertised
 * @throws UserError when the DHT node cannot listen
 */
export async function openAdvertising(
  config: ServeConfig,
  machine: Machine,
  { http, lan, stateLogger = machine.logger, load = loadDht, signal }: {
    readonly http: HttpServer;
    readonly lan: Lan;
    /** Told of what cannot be kept in the state directory. */
    readonly stateLogger?: Logger;
    readonly load?: LoadDht;
    readonly signal: AbortSignal;
  },
): Promise<Advertising> {
  await using stack = new AsyncDisposableStack();
  const { network, mdns } = lan;
  const dht = config.dht.enabled
    ? await joinDht(config, machine, stack, {
      ...{ http, network, stateLogger, load, signal },
    })
    : undefined;
  // Its goodbyes come before the node is closed.
  stack.use(lan);
  const inDht = stack.use(dht?.advertise());
  // Saved a last time before everything is withdrawn.
  if (inDht !== undefined) stack.use(dht?.keepTold(inDht));
  // Nodes of the LAN are of a private DHT, which is not to become one with the
  // public.
  if (mdns !== undefined && config.dht.network === "private") {
    stack.use(dht?.meetNeighbours());
  }
  return Object.assign(stack.move(), {
    advertisers: [mdns, inDht].filter((one) => one !== undefined),
    discovery: { mdns, dht: inDht, node: dht?.node },
    node: dht?.node,
  });
}

/** A node in the DHT, with what keeps it reachable. */
interface DhtMembership {
  readonly node: ServingNode;
  advertise(): DhtAdvertiser;
  /** Saves what was published, for the next start. */
  keepTold(advertiser: DhtAdvertiser): AsyncDisposable;
  /** Joins the nodes of the LAN until it is disposed of. */
  meetNeighbours(): AsyncDisposable;
}

/** @param stack disposes of all that is opened */
async function joinDht(
  config: ServeConfig,
  machine: Machine,
  stack: AsyncDisposableStack,
  { http, network, stateLogger, load, signal }: {
    readonly http: HttpServer;
    readonly network: MdnsNetwork;
    readonly stateLogger: Logger;
    readonly load: LoadDht;
    readonly signal: AbortSignal;
  },
): Promise<DhtMembership> {
  const { clock, logger } = machine;
  const dht = await load();
  // Read while the node opens, which announces what a router maps.
  let ports: PortMapper | undefined = undefined;
  const mappedAddress = () => ports?.externalAddress();
  const node = stack.use(
    await dht.openDht(config, machine, { mappedAddress, stateLogger, signal }),
  );
  const address = stack.use(
    await openOutwardAddress({
      settings: { bind: http.hostname, interfaces: config.interfaces },
      connections: () => node.connections(),
      clock,
      logger,
      signal,
    }),
  );
  ports = stack.use(dht.openPorts(config, machine, {
    http,
    node,
    ownAddress: address.forRouter,
  }));
  const told = await dht.openToldImages(config, machine, {
    ...{ node, logger: stateLogger },
  });
  return {
    node,
    keepTold: (advertiser) => told.keep(advertiser),
    advertise: () =>
      dht.advertiseInDht(config, machine, {
        http,
        node,
        toldBefore: told.before,
        ownAddress: address.forPeers,
        mappedAddress,
      }),
    meetNeighbours() {
      const { interfaces } = config;
      const source = createMdnsSource({ clock, interfaces, network });
      return inBackground(
        (options) => dht.meetNeighbours(node, source, machine, options),
        machine,
      );
    },
  };
}

/** How long the addresses of the DHT node are not asked for again. */
const NODE_ADDRESSES_MS = 1000;

/** Multicast DNS on the links of the machine. */
export interface Lan extends AsyncDisposable {
  /** For all that is said and asked there: a provider does not hear itself. */
  readonly network: MdnsNetwork;
  /** Advertises there, if that is on. */
  readonly mdns: MdnsAdvertiser | undefined;
}

/**
 * Opens mDNS, where the settings ask for it. The names of images that were
 * served before are probed for at once, while the disk is read: that takes as
 * long as to read a thousand images.
 *
 * @param http the server whose URLs are advertised
 * @param node the one in the DHT, once it is open
 */
export async function openLan(
  config: ServeConfig,
  machine: Machine,
  { http, network = withoutOwnPackets(systemMdnsNetwork, machine.clock), node }:
    {
      readonly http: HttpServer;
      readonly network?: MdnsNetwork;
      readonly node: () => ServingNode | undefined;
    },
): Promise<Lan> {
  const mdns = config.mdns.enabled
    ? await openMdns(config, machine, { http, network, node })
    : undefined;
  mdns?.reserve(await imagesServedBefore(config, machine.fileSystem));
  return {
    network,
    mdns,
    [Symbol.asyncDispose]: async () => await mdns?.[Symbol.asyncDispose](),
  };
}

/** Advertises by mDNS, on links where HTTP answers. */
async function openMdns(
  { interfaces, advertiseUrl, dht }: ServeConfig,
  { clock, logger, hostName }: Machine,
  { http, network, node }: {
    readonly http: HttpServer;
    readonly network: MdnsNetwork;
    readonly node: () => ServingNode | undefined;
  },
): Promise<MdnsAdvertiser> {
  // Asked for once for all images that are advertised together.
  const nodeAddresses = remembered(
    clock,
    NODE_ADDRESSES_MS,
    () => node()?.addresses() ?? [],
  );
  return await openMdnsAdvertiser({
    interfaces,
    hostName,
    port: http.port,
    ...advertiseUrl !== undefined && { advertiseUrl: new URL(advertiseUrl) },
    p2pAddress(address) {
      if (dht.network !== "private" || node() === undefined) return undefined;
      const family = address.includes(":") ? "ip6" : "ip4";
      return nodeAddresses().find((a) =>
        a.startsWith(`/${family}/${address}/`)
      );
    },
    isServed: (address) => listensOn(http.hostname, address),
    preferredAddress: (name) => preferredAddress(name, { clock }),
    network,
    clock,
    logger,
  });
}
