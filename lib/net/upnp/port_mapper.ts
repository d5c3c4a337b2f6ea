import { type Clock, sleep } from "../../core/clock.ts";
import type { Logger } from "../../core/log.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import {
  addPortMapping,
  deletePortMapping,
  type GatewayCallOptions,
  type GatewayService,
  getExternalAddress,
  openGateway,
} from "./gateway.ts";
import { searchGateway } from "./search.ts";

/** Keeps ports of this machine reachable from beyond a home router. */
export interface PortMapper extends AsyncDisposable {
  /** The router's public address while every port is mapped. */
  externalAddress(): string | undefined;
}

/** What a mapper is made of. */
export interface PortMapperOptions {
  /** All of them or none: a manifest is of no use without its images. */
  readonly ports: readonly number[];
  /** IPv4 address of this machine on the router's LAN; asked each time. */
  readonly internalAddress: () => string;
  /** Told when it begins to work, and when it does not. */
  readonly logger: Logger;
  /** For renewals. */
  readonly clock: Clock;
  /** Finds the router. @default searchGateway */
  readonly search?: (
    options: { readonly signal: AbortSignal },
  ) => Promise<Result<URL>>;
  /** Calls the router. @default globalThis.fetch */
  readonly fetch?: typeof fetch;
}

/** Renewed at half of it; a router forgets a machine that is gone after it. */
const LEASE_SECONDS = 3600;
const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 30 * 60_000;
/** Goodbye must not hold up the end of the program. */
const DELETE_TIMEOUT_MS = 1000;

/**
 * Begins to map ports, and goes on until it is disposed of, which takes them
 * back.
 */
export function openPortMapper(options: PortMapperOptions): PortMapper {
  const { ports, logger, clock } = options;
  const closing = new AbortController();
  const calls: GatewayCallOptions = {
    fetch: options.fetch ?? fetch,
    clock,
    signal: closing.signal,
  };
  const search = options.search ??
    (({ signal }) =>
      searchGateway(options.internalAddress(), { clock, signal }));
  let mapped: { service: GatewayService; address: string } | undefined;

  const mapAll = async (): Promise<Result<typeof mapped>> => {
    const location = await search({ signal: closing.signal });
    if (!location.ok) return location;
    const service = await openGateway(location.value, calls);
    if (!service.ok) return service;
    const address = await getExternalAddress(service.value, calls);
    if (!address.ok) return address;
    for (const [i, port] of ports.entries()) {
      const added = await addPortMapping(service.value, {
        port,
        internalAddress: options.internalAddress(),
        description: "plasmd",
        leaseSeconds: LEASE_SECONDS,
      }, calls);
      if (added.ok) continue;
      await takeBack(service.value, ports.slice(0, i), calls);
      return refuse(`port ${port}: ${added.reason}`);
    }
    return ok({ service: service.value, address: address.value });
  };

  const run = async () => {
    let retryMs = FIRST_RETRY_MS;
    let lastReason: string | undefined;
    while (!closing.signal.aborted) {
      const result = await mapAll();
      if (closing.signal.aborted) return;
      const before = mapped?.address;
      mapped = result.ok ? result.value : undefined;
      if (mapped !== undefined && mapped.address !== before) {
        logger.info(
          `Reachable from the internet as ${mapped.address}, TCP ports ${
            ports.join(", ")
          } (mapped by the router)`,
        );
      }
      if (!result.ok && result.reason !== lastReason) {
        logger.warn(
          `Not reachable from beyond the router (${result.reason}): map TCP ports ${
            ports.join(", ")
          } there by hand and name the address with --advertise-url`,
        );
      }
      lastReason = result.ok ? undefined : result.reason;
      const waitMs = result.ok ? LEASE_SECONDS * 500 : retryMs;
      retryMs = result.ok
        ? FIRST_RETRY_MS
        : Math.min(retryMs * 2, MAX_RETRY_MS);
      await sleep(clock, waitMs, { signal: closing.signal }).catch(() => {});
    }
  };
  const running = run();

  return {
    externalAddress: () => mapped?.address,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await running;
      if (mapped === undefined) return;
      const limit = new AbortController();
      const cancel = clock.setTimer(() => limit.abort(), DELETE_TIMEOUT_MS);
      await takeBack(mapped.service, ports, { ...calls, signal: limit.signal });
      cancel();
    },
  };
}

/** What cannot be taken back ends with its lease. */
async function takeBack(
  service: GatewayService,
  ports: readonly number[],
  calls: GatewayCallOptions,
): Promise<void> {
  await Promise.all(
    ports.map((port) => deletePortMapping(service, port, calls)),
  );
}
