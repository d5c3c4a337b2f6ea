import { join } from "node:path";
import {
  DhtAdvertiser,
  type PublishingNode,
} from "../advertise/dht_advertiser.ts";
import {
  encodeToldImages,
  loadToldImages,
  type ToldImage,
} from "../advertise/told_images.ts";
import { inBackground } from "../core/background.ts";
import { manifestPath } from "../core/channel_arch.ts";
import { remembered } from "../core/clock.ts";
import { UserError } from "../core/errors.ts";
import { keepState } from "../core/kept_state.ts";
import type { Logger } from "../core/log.ts";
import { isLoopbackMultiaddr } from "../core/multiaddr_text.ts";
import { printable } from "../core/printable.ts";
import type { Source } from "../discover/source.ts";
import { loadOrCreateIdentity } from "../net/dht/identity.ts";
import { ListenError } from "../net/dht/listen_error.ts";
import { DhtNode, type ServingNode } from "../net/dht/node.ts";
import type { PeerConnection } from "../net/dht/node_options.ts";
import { hasIpv6, isDualStack } from "../net/http1/listeners.ts";
import type { HttpServer } from "../net/http1/server.ts";
import { asksForLoopback, systemAddresses } from "../net/interfaces.ts";
import {
  httpBaseUrl,
  isPrivateAddress,
  isPublicMultiaddr,
} from "../net/ip_address.ts";
import { PortMapper, type PortMappingNews } from "../net/upnp/port_mapper.ts";
import { MAX_RECORD_BYTES } from "../wire/boot_record.ts";
import { createBootRecordPolicy } from "../wire/boot_record_policy.ts";
import { addressForReader, dhtListenAddresses } from "./addresses.ts";
import { copyWarning, joinNews, reachabilityNews } from "./join_news.ts";
import { listenProblem } from "./listen_problem.ts";
import type { Machine, ServeConfig } from "./machine.ts";
import { onUsualPort } from "./on_usual_port.ts";

/** The node's usual port, which other libp2p programs like to have as well. */
const DEFAULT_P2P_PORT = 4001;

/**
 * Starts the node of a provider, or one that only helps others to meet.
 *
 * @param mappedAddress of the router that maps its port, where one does
 * @param stateLogger told of what cannot be kept in the state directory
 * @throws UserError when it cannot listen, or has no identity
 */
export async function openDht(
  config: ServeConfig,
  { fileSystem, clock, logger }: Machine,
  { mappedAddress = () => undefined, stateLogger, signal }: {
    readonly mappedAddress?: () => string | undefined;
    readonly stateLogger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<ServingNode> {
  const ipv6 = hasIpv6();
  const addresses = dhtListenAddresses(config, systemAddresses(), {
    hasIpv6: ipv6,
    isDualStack: ipv6 && isDualStack(),
  });
  const loopbackOnly = asksForLoopback(systemAddresses(), config.interfaces);
  const { dht } = config;
  const isAmino = dht.network === "amino";
  if (isAmino) sayWhatIsPublic(loopbackOnly, logger);
  const identity = await loadOrCreateIdentity(
    fileSystem,
    join(config.stateDir, "identity.key"),
    { signal },
  );
  let node: DhtNode | undefined = undefined;
  const open = async (port: number) =>
    node = await DhtNode.open({
      identity,
      listen: addresses.map((address) =>
        `/${address.includes(":") ? "ip6" : "ip4"}/${address}/tcp/${port}`
      ),
      bootstrap: nodesInReach(config, loopbackOnly, logger),
      loopbackOnly,
      onJoinState: joinNews(logger),
      onReachability: reachabilityNews(logger, () => node?.addresses() ?? []),
      onCopy: (at) => logger.warn(copyWarning(at)),
      protocol: dht.protocol,
      isAmino,
      policy: createBootRecordPolicy({ clock }),
      recordTtlSeconds: dht.recordTtlSeconds,
      stateFile: {
        fileSystem,
        path: join(config.stateDir, "dht.json"),
        logger: stateLogger,
      },
      alsoAnnounce(port) {
        const address = mappedAddress();
        return address === undefined ? [] : [`/ip4/${address}/tcp/${port}`];
      },
      clock,
      signal,
    });
  const opened = await openOnDhtPort(open, dht.port, logger, { signal });
  logAddresses(opened, isAmino, logger);
  return opened;
}

async function openOnDhtPort(
  open: (port: number) => Promise<DhtNode>,
  wanted: number | undefined,
  logger: Logger,
  { signal }: { readonly signal: AbortSignal },
): Promise<DhtNode> {
  const onTaken = () =>
    logger.warn(
      `Cannot use port ${DEFAULT_P2P_PORT} for the DHT, taking a free one: ` +
        `others have to learn the new address; set one with --p2p-port`,
    );
  const options = { wanted, usual: DEFAULT_P2P_PORT, onTaken, signal };
  try {
    return await onUsualPort(open, options);
  } catch (error) {
    throw error instanceof ListenError ? whatToMend(error) : error;
  }
}

function logAddresses(
  node: ServingNode,
  isAmino: boolean,
  logger: Logger,
): void {
  const told = node.addresses();
  const why = isAmino
    ? "has no public address yet"
    : "has no address yet: no network interface has one";
  logger.info(
    `DHT node ${told.join(" ") || `${node.peerId}, which ${why}`}`,
  );
}

/** @throws UserError if only loopback is allowed */
function sayWhatIsPublic(loopbackOnly: boolean, logger: Logger): void {
  if (loopbackOnly) {
    throw new UserError(
      'Cannot join the public DHT (network "amino") over loopback, which is all that --interface names: name another interface, or the network "private"',
    );
  }
  logger.info(
    "Joining the public DHT of IPFS: anybody can see the addresses of this machine there, and which channels and architectures it offers",
  );
}

function nodesInReach(
  { dht: { bootstrapNodes } }: ServeConfig,
  loopbackOnly: boolean,
  logger: Logger,
): readonly string[] {
  if (!loopbackOnly) return bootstrapNodes;
  const beyond = bootstrapNodes.filter((one) => !isLoopbackMultiaddr(one));
  if (beyond.length > 0) {
    logger.warn(
      `The DHT is not joined through ${
        beyond.join(", ")
      }: --interface allows loopback only`,
    );
  }
  return bootstrapNodes.filter(isLoopbackMultiaddr);
}

function whatToMend(error: ListenError): Error {
  const problem = listenProblem(error.code, "--p2p-port");
  return problem === undefined
    ? error
    : new UserError(`${error.message}: ${problem}`, { cause: error });
}

/** Opens the record of what was published, which outlives a restart. */
export async function openToldImages(
  { stateDir }: ServeConfig,
  { fileSystem, clock, logger: ownLogger }: Machine,
  { node, logger }: {
    readonly node: Pick<ServingNode, "addresses">;
    /** Told of what cannot be kept. */
    readonly logger: Logger;
  },
): Promise<{
  readonly before: readonly ToldImage[];
  readonly keep: (
    advertiser: Pick<DhtAdvertiser, "told">,
  ) => AsyncDisposable;
}> {
  const path = join(stateDir, "dht_told.json");
  const file = { fileSystem, path, logger };
  return {
    before: await loadToldImages(file, node.addresses()),
    keep: (advertiser) =>
      inBackground(
        ({ signal }) =>
          keepState(file, {
            what: "what was published in the DHT",
            current: () =>
              encodeToldImages(node.addresses(), advertiser.told()),
            ...{ clock, signal },
          }),
        { logger: ownLogger },
      ),
  };
}

/** How long the address of this machine is not asked for again. */
const BASE_URL_MS = 1000;

/** The most that a record holds besides a base URL and the provider's name. */
const RECORD_REST_BYTES = 768;

/** @throws UserError when records would be longer than any node takes */
function checkRecordLength(advertiseUrl: string | undefined, name: string) {
  if (advertiseUrl === undefined) return;
  const text = JSON.stringify([advertiseUrl, name]);
  const excess = new TextEncoder().encode(text).length + RECORD_REST_BYTES -
    MAX_RECORD_BYTES;
  if (excess <= 0) return;
  throw new UserError(
    `Cannot advertise "${
      printable(advertiseUrl, 64)
    }" in the DHT: name an --advertise-url that is ${excess} bytes shorter, since no node accepts a record of more than ${MAX_RECORD_BYTES}, or turn the DHT off with --no-dht`,
  );
}

/**
 * Advertises in the DHT, under an address that others can reach.
 *
 * @throws UserError when the URL that is to be told is too long
 */
export function advertiseInDht(
  config: ServeConfig,
  { clock, logger, hostName }: Machine,
  { http, node, ownAddress, mappedAddress, toldBefore }: {
    readonly http: Pick<HttpServer, "port">;
    readonly node: PublishingNode;
    /** The address by which others reach this machine. */
    readonly ownAddress: () => string;
    /** The outer address of the router that maps our ports, if one does. */
    readonly mappedAddress: () => string | undefined;
    /** What others were told before a restart. @default nothing */
    readonly toldBefore?: readonly ToldImage[];
  },
): DhtAdvertiser {
  const providerName = config.name ?? hostName;
  const { advertiseUrl } = config;
  checkRecordLength(advertiseUrl, providerName);
  const address = () => mappedAddress() ?? ownAddress();
  const baseUrlFor = (reader?: PeerConnection) =>
    advertiseUrl ??
      httpBaseUrl(addressForReader(address(), reader), http.port);
  // Determined once for all images that are looked at together.
  const baseUrl = remembered(clock, BASE_URL_MS, () => baseUrlFor());
  if (
    advertiseUrl === undefined && isPrivateAddress(address()) &&
    !config.dht.portMapping &&
    config.dht.bootstrapNodes.some(isPublicMultiaddr)
  ) {
    logger.warn(
      `The URL published in the DHT, ${baseUrl()}, can be reached from this network only: ` +
        "name a reachable one with --advertise-url, or use --port-mapping",
    );
  }
  return new DhtAdvertiser({
    node,
    urlFor: (image, reader) =>
      (reader === undefined ? baseUrl() : baseUrlFor(reader)) +
      manifestPath(image),
    providerName,
    isAmino: config.dht.network === "amino",
    ttlSeconds: config.dht.recordTtlSeconds,
    refreshSeconds: config.dht.refreshIntervalSeconds,
    toldBefore,
    clock,
    logger,
  });
}

/**
 * Maps the ports of HTTP and the DHT through a home router, if asked for: one
 * of them alone would be useless.
 */
export function openPorts(
  config: ServeConfig,
  { clock, logger }: Machine,
  { http, node, ownAddress }: {
    readonly http: Pick<HttpServer, "port">;
    readonly node: ServingNode;
    /** On the router's LAN. */
    readonly ownAddress: () => string;
  },
): PortMapper | undefined {
  if (!config.dht.portMapping) return undefined;
  if (asksForLoopback(systemAddresses(), config.interfaces)) return undefined;
  const nodePort = node.port();
  const ports = [http.port, ...nodePort === undefined ? [] : [nodePort]];
  return new PortMapper({
    ports,
    internalAddress: ownAddress,
    report: (news) => logPortMapping(logger, ports, news),
    clock,
  });
}

/**
 * Logs how the mapping of ports is going.
 *
 * @param ports all that are to be mapped
 */
export function logPortMapping(
  logger: Logger,
  ports: readonly number[],
  news: PortMappingNews,
): void {
  const list = `TCP ports ${ports.join(", ")}`;
  switch (news.kind) {
    case "mapped":
      logger.info(
        `Reachable from the internet as ${news.address}, ${list} (mapped by the router)`,
      );
      if (news.isPermanent) {
        logger.warn(
          `The router supports permanent mappings only: ${list} stay mapped until plasmd ends and removes them; after a crash, remove them there by hand`,
        );
      }
      return;
    case "unmapped":
      logger.warn(
        `Not reachable from beyond the router (${news.reason}): map ${list} there by hand and name the address with --advertise-url`,
      );
      return;
    case "left":
      logger.warn(
        `Cannot remove the router's port mappings: remove TCP ports ${
          news.ports.join(", ")
        } there by hand`,
      );
  }
}

/**
 * Meets the nodes of other providers on the LAN, whose addresses they tell by
 * mDNS, so that a LAN becomes a DHT without any bootstrap node.
 */
export async function meetNeighbours(
  node: ServingNode,
  source: Source,
  { logger }: Machine,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  // Any image will do: a source reports every node that it hears of.
  const image = { channel: "stable", arch: "arm64" };
  for await (const finding of source.find(image, { signal })) {
    if (finding.kind !== "peer") continue;
    if (finding.multiaddr.endsWith(node.peerId)) continue;
    const joined = await node.join(finding.multiaddr, { signal });
    if (!joined.ok) {
      logger.debug(`DHT node ${finding.multiaddr}: ${joined.reason}`);
    }
  }
}
