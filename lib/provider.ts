import { join } from "node:path";
import type { Advertiser } from "./advertise/advertiser.ts";
import { createBootRecordPolicy } from "./advertise/boot_record_policy.ts";
import {
  type DhtAdvertiser,
  openDhtAdvertiser,
} from "./advertise/dht_advertiser.ts";
import {
  type MdnsAdvertiser,
  openMdnsAdvertiser,
} from "./advertise/mdns_advertiser.ts";
import type { ProviderConfig } from "./config/provider_config.ts";
import { manifestPath } from "./core/channel_arch.ts";
import { type Clock, sleep } from "./core/clock.ts";
import { UserError } from "./core/errors.ts";
import type { FileSystem } from "./core/file_system.ts";
import type { Logger } from "./core/log.ts";
import { messageOf } from "./core/printable.ts";
import { VERSION } from "./core/version.ts";
import { createHttpApp } from "./http/app.ts";
import type { TransferLimits } from "./http/transfers.ts";
import { type HttpServer, openHttpServer } from "./http/server.ts";
import {
  loadOrCreateSigningKey,
  loadSigningKey,
  type SigningKey,
} from "./manifest/signing_key.ts";
import { loadOrCreateIdentity } from "./net/dht_identity.ts";
import { type DhtNode, openDhtNode } from "./net/dht_node.ts";
import { systemAddresses } from "./net/interfaces.ts";
import {
  httpBaseUrl,
  listenAddress,
  outwardAddress,
} from "./provider/addresses.ts";
import {
  type Discovery,
  discoveryStatus,
} from "./provider/discovery_status.ts";
import { ImageLibrary } from "./provider/image_library.ts";
import { Reconciler } from "./provider/reconciler.ts";
import { signingKeyPath } from "./provider/state_directory.ts";

/** The machine a provider runs on. */
export interface Machine {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The time. */
  readonly clock: Clock;
  /** Where things are told. */
  readonly logger: Logger;
  /** The machine's host name. */
  readonly hostName: string;
}

/** Settings with every default filled in. */
export type ServeConfig = ProviderConfig & {
  /** Keys and what must outlast a restart. */
  readonly stateDir: string;
};

/** How often the disk is looked at again, at the least. */
const RESCAN_INTERVAL_MS = 5000;

/** A slow scan must not take more than this share of the time. */
const MAX_SCAN_SHARE = 0.05;

/**
 * Offers the images of a directory until the signal aborts: `plasmd serve`.
 * What is opened is closed in reverse, so that images are withdrawn before
 * the downloads that are under way are drained.
 *
 * @throws UserError for what the operator has to mend
 */
export async function serve(
  config: ServeConfig,
  machine: Machine,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { fileSystem, clock, logger } = machine;
  await using stack = new AsyncDisposableStack();
  await fileSystem.makeDirectory(config.stateDir, 0o700);
  const loadSigner = once(() => openSigner(config, machine, { signal }));
  // A key that was named must be there, whether it is needed now or not.
  if (config.signing.key !== undefined) await loadSigner();
  const library = new ImageLibrary({
    scan: config,
    stateDir: config.stateDir,
    loadSigner,
    expiresDays: config.signing.expiresDays,
    fileSystem,
    clock,
    logger,
  });
  const startedMs = clock.now();
  const discovery: Discovery = {};
  const http = stack.use(openHttpServer({
    app: createHttpApp({
      catalog: library,
      trustDocuments: () => library.trustDocuments(),
      fileSystem,
      clock,
      logger,
      status: () => ({
        name: config.name ?? machine.hostName,
        version: VERSION,
        startedMs,
        ...discoveryStatus(
          discovery,
          { mdns: config.mdns.enabled, dht: config.dht.enabled },
          library.images().map(({ image }) => image),
        ),
        missing: library.missing.map(({ image }) => image),
        warnings: library.warnings,
      }),
      limits: transferLimits(config),
    }),
    hostname: listenAddress(config, systemAddresses()),
    port: config.port,
    clock,
    logger,
    signal: new AbortController().signal,
  }));
  logger.info(`Serving on ${httpBaseUrl(http.hostname, http.port)}`);
  await library.refresh({ signal });
  if (library.images().length === 0 && library.keyProblem !== undefined) {
    throw library.keyProblem;
  }

  const node = config.dht.enabled
    ? stack.use(await openDht(config, machine, { signal }))
    : undefined;
  const advertisers: Advertiser[] = [];
  if (config.mdns.enabled) {
    const mdns = await openMdns(config, machine, { http, node });
    discovery.mdns = mdns;
    advertisers.push(mdns);
  }
  if (node !== undefined) {
    discovery.node = node;
    const dht = await advertiseInDht(config, machine, { http, node });
    discovery.dht = dht;
    advertisers.push(dht);
  }
  for (const advertiser of advertisers) stack.use(advertiser);
  const reconciler = new Reconciler({ advertisers, logger });
  await keepAdvertising(library, reconciler, machine, { signal });
}

function transferLimits({ http }: ServeConfig): Partial<TransferLimits> {
  const { maxConnections, maxRatePerConnectionBytesPerSecond } = http;
  return {
    ...maxConnections !== undefined && { maxConnections },
    ...maxRatePerConnectionBytesPerSecond !== undefined &&
      { maxRateBytesPerSecond: maxRatePerConnectionBytesPerSecond },
  };
}

/** Tells the network what the disk holds, again and again. */
async function keepAdvertising(
  library: ImageLibrary,
  reconciler: Reconciler,
  { clock, logger }: Machine,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  let lastProblem: string | undefined;
  try {
    while (true) {
      const { missing } = library;
      await reconciler.reconcile({ images: library.images(), missing }, {
        signal,
      });
      const startMs = clock.monotonic();
      await sleep(clock, RESCAN_INTERVAL_MS, { signal });
      try {
        await library.refresh({ signal });
        lastProblem = undefined;
      } catch (error) {
        signal.throwIfAborted();
        const problem = messageOf(error);
        if (problem !== lastProblem) {
          logger.warn(`${problem}; what was found before is still offered`);
        }
        lastProblem = problem;
      }
      const scanMs = clock.monotonic() - startMs - RESCAN_INTERVAL_MS;
      await sleep(clock, scanMs / MAX_SCAN_SHARE, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function openMdns(
  { interfaces, advertiseUrl }: ServeConfig,
  { clock, logger, hostName }: Machine,
  { http, node }: {
    readonly http: HttpServer;
    readonly node: DhtNode | undefined;
  },
): Promise<MdnsAdvertiser> {
  return await openMdnsAdvertiser({
    interfaces,
    hostName,
    port: http.port,
    ...advertiseUrl !== undefined && { advertiseUrl: new URL(advertiseUrl) },
    p2pAddress: (address) =>
      node?.addresses().find((a) =>
        a.startsWith(`/${address.includes(":") ? "ip6" : "ip4"}/${address}/`)
      ),
    isServed: (address) => listensOn(http.hostname, address),
    clock,
    logger,
  });
}

function listensOn(bound: string, address: string): boolean {
  return bound === address || bound === "::" ||
    (bound === "0.0.0.0" && !address.includes(":"));
}

/** The node's usual port, which other libp2p programs like to have as well. */
const DEFAULT_P2P_PORT = 4001;

/**
 * Starts the node of a provider, or one that only helps others to meet.
 *
 * @throws UserError when it cannot listen
 */
export async function openDht(
  config: ServeConfig,
  { fileSystem, clock, logger }: Machine,
  { signal }: { readonly signal: AbortSignal },
): Promise<DhtNode> {
  const address = listenAddress(config, systemAddresses());
  const { dht } = config;
  const identity = await loadOrCreateIdentity(
    fileSystem,
    join(config.stateDir, "identity.key"),
    { signal },
  );
  const open = (port: number) =>
    openDhtNode({
      identity,
      listen: [
        `/${address.includes(":") ? "ip6" : "ip4"}/${address}/tcp/${port}`,
      ],
      bootstrap: dht.bootstrapNodes,
      protocol: dht.protocol,
      policy: createBootRecordPolicy({ clock }),
      recordTtlSeconds: dht.recordTtlSeconds,
      clock,
      signal,
    });
  const node = await open(dht.port ?? DEFAULT_P2P_PORT).catch((error) => {
    if (dht.port !== undefined || !(error instanceof UserError)) throw error;
    logger.warn(
      `Cannot use port ${DEFAULT_P2P_PORT} for the DHT, taking a free one: ` +
        `others have to learn the new address; set one with --p2p-port`,
    );
    return open(0);
  });
  const addresses = node.addresses();
  logger.info(
    `DHT node ${
      addresses.length > 0 ? addresses.join(" ") : `${node.peerId}, which ` +
        "has no address yet: no network interface has one"
    }`,
  );
  return node;
}

async function advertiseInDht(
  config: ServeConfig,
  { fileSystem, clock, logger, hostName }: Machine,
  { http, node }: { readonly http: HttpServer; readonly node: DhtNode },
): Promise<DhtAdvertiser> {
  const routes = await fileSystem.readText("/proc/net/route").catch(() => "");
  const baseUrl = () =>
    config.advertiseUrl ?? httpBaseUrl(
      outwardAddress(
        { ...config, bind: http.hostname },
        systemAddresses(),
        routes,
      ),
      http.port,
    );
  return openDhtAdvertiser({
    node,
    urlFor: (image) => baseUrl() + manifestPath(image),
    providerName: config.name ?? hostName,
    ttlSeconds: config.dht.recordTtlSeconds,
    refreshSeconds: config.dht.refreshIntervalSeconds,
    clock,
    logger,
  });
}

/** Runs once, and again after a failure. */
function once<T>(run: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => {
    value ??= run().catch((error) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}

/** The key that was named, else one in the state directory. */
async function openSigner(
  { signing, stateDir }: ServeConfig,
  { fileSystem, logger }: Machine,
  { signal }: { readonly signal: AbortSignal },
): Promise<SigningKey> {
  if (signing.key !== undefined) {
    return await loadSigningKey(fileSystem, signing.key, { signal });
  }
  const path = signingKeyPath(stateDir);
  const { key, created } = await loadOrCreateSigningKey(fileSystem, path, {
    signal,
  });
  if (created) {
    logger.info(
      `Created the signing key "${path}": clients trust ${key.publicKey.keyId}`,
    );
  }
  return key;
}
