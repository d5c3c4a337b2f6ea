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

/** What a mapper needs. */
export interface PortMapperOptions {
  /** All of them or none: a manifest is of no use without its images. */
  readonly ports: readonly number[];
  /** IPv4 address of this machine on the router's LAN; asked each time. */
  readonly internalAddress: () => string;
  /**
   * Told whenever it begins to work, whenever there is another reason why it
   * does not, and at the end what could not be taken back.
   */
  readonly report: (news: PortMappingNews) => void;
  /** For renewals. */
  readonly clock: Clock;
  /** Finds the router. @default searchGateway */
  readonly search?: (
    options: { readonly signal: AbortSignal },
  ) => Promise<Result<URL>>;
  /** Calls the router. @default globalThis.fetch */
  readonly fetch?: typeof fetch;
}

/** How the mapping of ports is getting on. */
export type PortMappingNews =
  | {
    readonly kind: "mapped";
    /** The router's public one. */
    readonly address: string;
    /** Whether the router keeps a mapping until it is taken back. */
    readonly isPermanent: boolean;
  }
  | { readonly kind: "unmapped"; readonly reason: string }
  /** The router keeps these for ever. */
  | { readonly kind: "left"; readonly ports: readonly number[] };

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
  readonly isPermanent: boolean;
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
  /** Ports that stay mapped until they are taken back, and where. */
  readonly #permanent = new Map<number, GatewayService>();

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
      const news: PortMappingNews = result.ok
        ? {
          kind: "mapped",
          address: result.value.address,
          isPermanent: result.value.isPermanent,
        }
        : { kind: "unmapped", reason: result.reason };
      const text = JSON.stringify(news);
      if (text !== lastNews) report(news);
      lastNews = text;
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
    let isPermanent = false;
    for (const [i, port] of ports.entries()) {
      const added = await addPortMapping(service.value, {
        port,
        internalAddress: internalAddress(),
        description: "plasmd",
        leaseSeconds: LEASE_SECONDS,
      }, this.#calls);
      if (!added.ok) {
        await this.#takeBack(service.value, ports.slice(0, i), this.#calls);
        return refuse(`port ${port}: ${added.reason}`);
      }
      if (added.value.isPermanent) this.#permanent.set(port, service.value);
      isPermanent ||= added.value.isPermanent;
    }
    return ok({ service: service.value, address: address.value, isPermanent });
  }

  /** Takes the mappings back, where the router answers within a second. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#running;
    const { ports, clock, report } = this.#options;
    const limit = new AbortController();
    const cancel = clock.setTimer(() => limit.abort(), DELETE_TIMEOUT_MS);
    const calls = { ...this.#calls, signal: limit.signal };
    // Also what the router did not confirm lately, or had only some ports of.
    const left = new Map(this.#permanent);
    const mapped = this.#mapped;
    if (mapped !== undefined) {
      for (const port of ports) left.set(port, mapped.service);
    }
    await Promise.all(
      [...left].map(([port, service]) =>
        this.#takeBack(service, [port], calls)
      ),
    );
    cancel();
    const kept = [...this.#permanent.keys()];
    if (kept.length > 0) report({ kind: "left", ports: kept });
  }

  /** What cannot be taken back ends with its lease, if it has one. */
  async #takeBack(
    service: GatewayService,
    ports: readonly number[],
    calls: GatewayCallOptions,
  ): Promise<void> {
    await Promise.all(ports.map(async (port) => {
      const deleted = await deletePortMapping(service, port, calls);
      if (deleted.ok) this.#permanent.delete(port);
    }));
  }
}
