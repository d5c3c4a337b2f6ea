import { type Fetch, fetch as fetchService } from "@libp2p/fetch";
import type { Libp2p } from "@libp2p/interface";
import { createLibp2p } from "libp2p";
import { type Clock, deadline } from "../../core/clock.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { expandDnsaddr, type ResolveTxt } from "./dnsaddr.ts";
import { diallingOptions, TRANSPORT_OPTIONS } from "./internal/dialling.ts";
import { failureReason } from "./internal/failure.ts";
import { dialTarget, requestNearest } from "./internal/request.ts";
import type { KadPeer, LookupStep } from "./lookup.ts";
import { KadCall, type KadRequest, keyMultihash } from "./message.ts";

/** Asks the nodes nearest to a key, beginning with the seeds. */
export type FindSteps = (
  key: string,
  seeds: readonly string[],
  options: { readonly signal: AbortSignal },
) => AsyncIterable<LookupStep>;

/** Asks the DHT without being part of it. */
export interface DhtClient extends AsyncDisposable {
  /** Looks for nodes that keep a value under a key. */
  readonly findValues: FindSteps;
  /** Looks for nodes that know providers of a key's CID. */
  readonly findProviders: FindSteps;
  /**
   * Reads a key from a provider itself (`/libp2p/fetch/0.0.1`), which proves
   * that it is alive.
   */
  readonly fetch: (
    from: KadPeer,
    key: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<Result<Uint8Array>>;
}

/** What a client is made of. */
export interface DhtClientOptions {
  /** As the nodes speak it. */
  readonly protocol: string;
  /** Bounds each question. */
  readonly clock: Clock;
  /** Asks the DNS what `/dnsaddr/...` stands for. @default the system's */
  readonly resolveTxt?: ResolveTxt;
  /** Ends the opening. */
  readonly signal: AbortSignal;
}

/** From dialling to the answer: a WAN round trip takes five of it. */
const REQUEST_TIMEOUT_MS = 3000;
/** A provider that accepts and stays silent must cost nothing. */
const FETCH_TIMEOUT_MS = 1500;

/**
 * Opens a client with an identity of its own, made for this time only. It
 * listens nowhere, and does without kad-dht, identify and ping, which halves
 * what a booting machine has to load.
 */
export async function openDhtClient(
  options: DhtClientOptions,
): Promise<DhtClient> {
  options.signal.throwIfAborted();
  const libp2p = await createLibp2p({
    ...TRANSPORT_OPTIONS,
    addresses: { listen: [] },
    connectionManager: diallingOptions(
      REQUEST_TIMEOUT_MS,
      REQUEST_TIMEOUT_MS / 2,
    ),
    // Pings every connection; none lives long enough here.
    connectionMonitor: { enabled: false },
    services: { fetch: fetchService() },
  });
  return new Libp2pClient(libp2p, options);
}

class Libp2pClient implements DhtClient {
  readonly #libp2p: Libp2p<{ readonly fetch: Fetch }>;
  readonly #options: DhtClientOptions;

  constructor(
    libp2p: Libp2p<{ readonly fetch: Fetch }>,
    options: DhtClientOptions,
  ) {
    this.#libp2p = libp2p;
    this.#options = options;
  }

  readonly findValues: FindSteps = (key, seeds, { signal }) => {
    const bytes = new TextEncoder().encode(key);
    return this.#find({ call: KadCall.getValue, key: bytes }, seeds, signal);
  };

  readonly findProviders: FindSteps = (key, seeds, { signal }) => {
    const multihash = keyMultihash(new TextEncoder().encode(key));
    const request = { call: KadCall.getProviders, key: multihash };
    return this.#find(request, seeds, signal);
  };

  readonly fetch: DhtClient["fetch"] = async (from, key, { signal }) => {
    using limit = deadline(this.#options.clock, FETCH_TIMEOUT_MS, { signal });
    try {
      const connection = await this.#libp2p.dial(dialTarget(from), {
        signal: limit.signal,
      });
      const value = await this.#libp2p.services.fetch.fetch(
        connection.remotePeer,
        key,
        { signal: limit.signal },
      );
      return value === undefined
        ? refuse("it does not provide it any more")
        : ok(new Uint8Array(value)); // it is a Buffer of Node's
    } catch (error) {
      return refuse(failureReason(error));
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#libp2p.stop();
  }

  async *#find(
    request: KadRequest,
    seeds: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<LookupStep, void, undefined> {
    /** The seed that each address comes from. */
    const origins = new Map<string, string>();
    for (const { seed, expanded } of await this.#expandAll(seeds, signal)) {
      if (!expanded.ok) {
        yield { kind: "failure", at: seed, reason: expanded.reason };
        continue;
      }
      for (const address of expanded.value) origins.set(address, seed);
    }
    const steps = requestNearest(this.#libp2p, [...origins.keys()], request, {
      ...this.#options,
      timeoutMs: REQUEST_TIMEOUT_MS,
      signal,
    });
    for await (const step of steps) {
      const seed = step.kind === "failure" ? origins.get(step.at) : undefined;
      yield step.kind === "answer" || seed === undefined || seed === step.at
        ? step
        : { ...step, at: seed, reason: `${step.at}: ${step.reason}` };
    }
  }

  async #expandAll(
    seeds: readonly string[],
    signal: AbortSignal,
  ): Promise<{ seed: string; expanded: Result<string[]> }[]> {
    const { clock, resolveTxt } = this.#options;
    using limit = deadline(clock, REQUEST_TIMEOUT_MS, { signal });
    const options = { signal: limit.signal, resolveTxt };
    return await Promise.all(seeds.map(async (seed) => ({
      seed,
      expanded: await expandDnsaddr(seed, options),
    })));
  }
}
