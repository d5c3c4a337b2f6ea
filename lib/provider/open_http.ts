import { errorCode } from "../core/error_code.ts";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/printable.ts";
import type { TransferLimits } from "../http/artifacts/transfers.ts";
import { createHandler } from "../http/create_handler.ts";
import type { Machines } from "../machines/machines.ts";
import { hasIpv6 } from "../net/http1/listeners.ts";
import {
  type HttpServer,
  type HttpServerOptions,
  openHttpServer,
} from "../net/http1/server.ts";
import { systemAddresses } from "../net/interfaces.ts";
import { httpBaseUrl } from "../net/ip_address.ts";
import type { ScrubProgress } from "../scan/content_scrub.ts";
import { httpListenAddress } from "./addresses.ts";
import {
  type Discovery,
  discoveryStatus,
  nodeWarnings,
  programStatus,
} from "./discovery_status.ts";
import type { ImageLibrary } from "./image_library.ts";
import { listenProblem } from "./listen_problem.ts";
import type { Machine, Mirroring, ServeConfig } from "./machine.ts";

/**
 * For clients that fetch a file range by range, and the check before each
 * range.
 */
const KEEP_OPEN_MS = 1000;

/**
 * Serves a library over HTTP, with the provider's status.
 *
 * @param settings gives those that hold at the moment
 * @param machines of the whole program
 * @param discovery gives the advertisers, once they are open
 * @param scrub tells how far the reading of everything again has got
 * @param mirroring tells how a mirror stands, where this is one
 * @throws UserError when the socket cannot be had
 */
export function openHttp(
  config: ServeConfig,
  { fileSystem, clock, logger, hostName }: Machine,
  { library, settings, machines, discovery, scrub, mirroring }: {
    readonly library: ImageLibrary;
    readonly settings: () => ServeConfig;
    readonly machines: Machines;
    readonly discovery: () => Discovery;
    readonly scrub: () => ScrubProgress;
    readonly mirroring?: Pick<Mirroring, "status"> | undefined;
  },
): HttpServer {
  const startedMs = clock.now();
  const http: HttpServer = bindHttpServer({
    handler: createHandler({
      catalog: library,
      trustDocuments: () => library.trustDocuments(),
      loaders: () => ({ ...settings().pxe, stateDir: config.stateDir }),
      machines,
      advertiseUrl: config.advertiseUrl,
      fileSystem,
      keepOpenMs: KEEP_OPEN_MS,
      clock,
      logger,
      status: () => ({
        kind: "provider",
        ...programStatus(config, { hostName }, http, startedMs),
        ...discoveryStatus(
          discovery(),
          { mdns: config.mdns.enabled, dht: config.dht.enabled },
          library.images().map(({ image }) => image),
        ),
        missing: library.missing.map(({ image }) => image),
        warnings: [...library.warnings, ...nodeWarnings(discovery().node)],
        scrub: scrub(),
        ...mirroring !== undefined && { mirror: mirroring.status() },
      }),
      limits: transferLimits(config),
      accessLog: () => settings().http.accessLog,
    }),
    hostname: httpListenAddress(config, systemAddresses(), hasIpv6()),
    port: config.port,
    drainTimeoutMs: config.http.drainTimeoutSeconds * 1000,
    clock,
    logger,
    signal: new AbortController().signal,
  });
  logger.info(`Serving on ${httpBaseUrl(http.hostname, http.port)}`);
  return http;
}

function transferLimits({ http }: ServeConfig): Partial<TransferLimits> {
  const { maxConnections, maxRatePerConnectionBytesPerSecond } = http;
  return {
    ...maxConnections !== undefined && { maxConnections },
    ...maxRatePerConnectionBytesPerSecond !== undefined &&
      { maxRateBytesPerSecond: maxRatePerConnectionBytesPerSecond },
  };
}

/**
 * Opens the server at the configured address.
 *
 * @throws UserError when it cannot be had, which says what to choose instead
 */
export function bindHttpServer(options: HttpServerOptions): HttpServer {
  const { hostname, port, signal } = options;
  signal.throwIfAborted();
  try {
    return openHttpServer(options);
  } catch (cause) {
    const problem = listenProblem(errorCode(cause), "--port") ??
      `${messageOf(cause)}; check --bind and --port`;
    throw new UserError(
      `Cannot serve HTTP on ${hostname} port ${port}: ${problem}`,
      { cause },
    );
  }
}
