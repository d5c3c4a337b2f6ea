import type { ServedImage } from "../http/artifacts/image_catalog.ts";
import { createHandler } from "../http/create_handler.ts";
import { hasIpv6 } from "../net/http1/listeners.ts";
import type { HttpServer } from "../net/http1/server.ts";
import { systemAddresses } from "../net/interfaces.ts";
import { httpBaseUrl } from "../net/ip_address.ts";
import { httpListenAddress } from "./addresses.ts";
import {
  type Discovery,
  discoveryStatus,
  nodeWarnings,
  programStatus,
} from "./discovery_status.ts";
import type { Machine, ServeConfig } from "./machine.ts";
import { onUsualPort } from "./on_usual_port.ts";
import { bindHttpServer } from "./open_http.ts";

/** Not that of a provider, which may run on the same host. */
export const DEFAULT_NODE_PORT = 8081;

const NO_IMAGES: readonly ServedImage[] = [];
const NOTHING_SCRUBBED = {
  doneBytes: 0,
  totalBytes: 0,
  differingCount: 0,
};

/**
 * Serves the status of a DHT node without images, as a provider serves its own.
 * The node also runs if the usual port is taken.
 *
 * @param options.port that was asked for
 * @throws UserError when the address, or a port that was asked for, cannot be
 * had
 */
export async function openNodeHttp(
  config: ServeConfig,
  { fileSystem, clock, logger, hostName }: Machine,
  node: Discovery["node"],
  { clockWarnings, port, signal }: {
    /** What is wrong with the clock. */
    readonly clockWarnings: () => readonly string[];
    readonly port: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<HttpServer> {
  const startedMs = clock.now();
  const open = (port: number): HttpServer => {
    const http: HttpServer = bindHttpServer({
      handler: createHandler({
        catalog: {
          images: () => NO_IMAGES,
          find: () => undefined,
          findBlob: () => undefined,
          findBlobOfPieces: () => undefined,
        },
        fileSystem,
        clock,
        logger,
        status: () => ({
          kind: "bootstrap",
          ...programStatus(config, { hostName }, http, startedMs),
          ...discoveryStatus(
            { node },
            { mdns: false, dht: false },
            [],
          ),
          missing: [],
          warnings: [...nodeWarnings(node), ...clockWarnings()],
          scrub: NOTHING_SCRUBBED,
        }),
      }),
      hostname: httpListenAddress(config, systemAddresses(), hasIpv6()),
      port,
      clock,
      logger,
      signal,
    });
    return http;
  };
  const http = await onUsualPort(open, {
    wanted: port,
    usual: DEFAULT_NODE_PORT,
    onTaken: () =>
      logger.warn(
        `Cannot serve the status on port ${DEFAULT_NODE_PORT}, taking a free one: set one with --port`,
      ),
    signal,
  });
  logger.info(
    `Status on ${httpBaseUrl(http.hostname, http.port)}`,
  );
  return http;
}
