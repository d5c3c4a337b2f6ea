import { type Clock, sleep } from "../../core/clock.ts";
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

/** What a mapper is made of. */
export interface PortMapperOptions {
  /** All of them or none: a manifest is of no use without its images. */
  readonly ports: readonly number[];
  /** IPv4 address of this machine on the router's LAN; asked each time. */
  readonly internalAddress: () => string;
  /**
   * Told whenever it begins to work, with the router's public address, and
   * whenever there is another reason why it does not.
   */
  readonly report: (state: Result<string>) => void;
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

/** Where all ports are mapped. */
interface Mapping {
  readonly service: GatewayService;
  /** The router's public one. */
  readonly address: string;
}

/**
 * Keeps ports of this machine reachable from beyond a home router, until it is
 * disposed of, which takes the mappings back.
 */
export class PortMapper implements AsyncDisposable {
  readonly #options: PortMapperOptions;
  readonly #calls: GatewayCallOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #mapped: Mapping | undefined;

  /** Begins to map at once. */
  constructor(options: PortMapperOptions) {
    this.#options = options;
    const { fetch = globalThis.fetch, clock } = options;
    this.#calls = { fetch, clock, signal: this.#closing.signal };
    this.#running = this.#run();
  }

  /** The router's public address while every port is mapped. */
  externalAddress(): string | undefined {
    return this.#mapped?.address;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { report, clock } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    let lastNews: string | undefined;
    while (true) {
      const result = await this.#mapAll();
      if (signal.aborted) return;
      this.#mapped = result.ok ? result.value : undefined;
      const news = result.ok ? result.value.address : result.reason;
      if (news !== lastNews) report(result.ok ? ok(news) : result);
      lastNews = news;
      const waitMs = result.ok ? LEASE_SECONDS * 500 : retryMs;
      retryMs = result.ok
        ? FIRST_RETRY_MS
        : Math.min(retryMs * 2, MAX_RETRY_MS);
      try {
        await sleep(clock, waitMs, { signal });
      } catch {
        return; // disposed of
      }
    }
  }

  async #mapAll(): Promise<Result<Mapping>> {
    const { ports, internalAddress, clock } = this.#options;
    const { signal } = this.#closing;
    const location = await (this.#options.search?.({ signal }) ??
      searchGateway(internalAddress(), { clock, signal }));
    if (!location.ok) return location;
    const service = await openGateway(location.value, this.#calls);
    if (!service.ok) return service;
    const address = await getExternalAddress(service.value, this.#calls);
    if (!address.ok) return address;
    for (const [i, port] of ports.entries()) {
      const added = await addPortMapping(service.value, {
        port,
        internalAddress: internalAddress(),
        description: "plasmd",
        leaseSeconds: LEASE_SECONDS,
      }, this.#calls);
      if (added.ok) continue;
      await takeBack(service.value, ports.slice(0, i), this.#calls);
      return refuse(`port ${port}: ${added.reason}`);
    }
    return ok({ service: service.value, address: address.value });
  }

  /** Takes the mappings back, where the router answers within a second. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
    if (this.#mapped === undefined) return;
    const { ports, clock } = this.#options;
    const limit = new AbortController();
    const cancel = clock.setTimer(() => limit.abort(), DELETE_TIMEOUT_MS);
    const calls = { ...this.#calls, signal: limit.signal };
    await takeBack(this.#mapped.service, ports, calls);
    cancel();
  }
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
