import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { fetch as fetchService } from "@libp2p/fetch";
import { tcp } from "@libp2p/tcp";
import { createLibp2p } from "libp2p";
import { sha256 } from "multiformats/hashes/sha2";
import { type Clock, deadline } from "../../core/clock.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { expandDnsaddr, type ResolveTxt } from "./dnsaddr.ts";
import { diallingOrder } from "./internal/addresses.ts";
import { failureReason } from "./internal/failure.ts";
import { dialTarget, requestPeer } from "./internal/request.ts";
import {
  type Contact,
  type KadPeer,
  lookUp,
  type LookupStep,
} from "./lookup.ts";
import { KadCall } from "./message.ts";

/** Asks the DHT without being part of it. */
export interface DhtClient extends AsyncDisposable {
  /** Looks for nodes that keep a value under a key. */
  findValues(key: string, seeds: readonly string[], options: {
    readonly signal: AbortSignal;
  }): AsyncIterable<LookupStep>;
  /** Looks for nodes that know providers of a key's CID. */
  findProviders(key: string, seeds: readonly string[], options: {
    readonly signal: AbortSignal;
  }): AsyncIterable<LookupStep>;
  /**
   * Reads a key from a provider itself (`/libp2p/fetch/0.0.1`), which proves
   * that it is alive.
   */
  fetch(from: KadPeer, key: string, options: {
    readonly signal: AbortSignal;
  }): Promise<Result<Uint8Array>>;
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
  { protocol, clock, resolveTxt, signal }: DhtClientOptions,
): Promise<DhtClient> {
  signal.throwIfAborted();
  const node = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      dialTimeout: REQUEST_TIMEOUT_MS,
      // Time for a second address.
      addressDialTimeout: REQUEST_TIMEOUT_MS / 2,
      addressSorter: diallingOrder(),
    },
    // Pings every connection; none lives long enough here.
    connectionMonitor: { enabled: false },
    services: { fetch: fetchService() },
  });
  const expandAll = async (seeds: readonly string[], signal: AbortSignal) => {
    using limit = deadline(clock, REQUEST_TIMEOUT_MS, { signal });
    const options = {
      signal: limit.signal,
      ...(resolveTxt ? { resolveTxt } : {}),
    };
    return await Promise.all(seeds.map(async (seed) => ({
      seed,
      expanded: await expandDnsaddr(seed, options),
    })));
  };
  async function* find(
    call: KadCall,
    key: Uint8Array,
    seeds: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<LookupStep, void, undefined> {
    /** The seed that each address comes from. */
    const origins = new Map<string, string>();
    const contacts: Contact[] = [];
    for (const { seed, expanded } of await expandAll(seeds, signal)) {
      if (!expanded.ok) {
        yield { kind: "failure", at: seed, reason: expanded.reason };
        continue;
      }
      for (const address of expanded.value) origins.set(address, seed);
      contacts.push(...expanded.value);
    }
    const steps = lookUp({
      key,
      seeds: contacts,
      self: node.peerId.toString(),
      clock,
      signal,
      ask: (to, { signal }) =>
        requestPeer(node, to, { call, key }, {
          protocol,
          clock,
          timeoutMs: REQUEST_TIMEOUT_MS,
          signal,
        }),
    });
    for await (const step of steps) {
      const seed = step.kind === "failure" ? origins.get(step.at) : undefined;
      yield step.kind === "answer" || seed === undefined || seed === step.at
        ? step
        : { ...step, at: seed, reason: `${step.at}: ${step.reason}` };
    }
  }
  return {
    findValues: (key, seeds, { signal }) =>
      find(KadCall.getValue, new TextEncoder().encode(key), seeds, signal),
    async *findProviders(key, seeds, { signal }) {
      const { bytes } = await sha256.digest(new TextEncoder().encode(key));
      yield* find(KadCall.getProviders, bytes, seeds, signal);
    },
    async fetch(from, key, { signal }) {
      using limit = deadline(clock, FETCH_TIMEOUT_MS, { signal });
      try {
        const connection = await node.dial(dialTarget(from), {
          signal: limit.signal,
        });
        const value = await node.services.fetch.fetch(
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
    },
    async [Symbol.asyncDispose]() {
      await node.stop();
    },
  };
}
