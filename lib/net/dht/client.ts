import { whenAborted } from "../../core/abort.ts";
import { type Clock, deadline } from "../../core/clock.ts";
import { isLoopbackMultiaddr } from "../../core/multiaddr_text.ts";
import { refuse, type Result } from "../../core/result.ts";
import { expandDnsaddr, type ResolveTxt } from "./dnsaddr.ts";
import { type Dialer, fetchValue, requestNearest } from "./internal/request.ts";
import { openStranger, STRANGER_TIMEOUT_MS } from "./internal/stranger.ts";
import type { KadPeer, LookupStep } from "./lookup.ts";
import { KadCall, type KadRequest, keyMultihash } from "./message.ts";
import { rememberedGroups } from "./peer_groups.ts";
import type { RequestTally } from "./request_tally.ts";

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

/** What a client needs. */
export interface DhtClientOptions {
  /** As the nodes speak it. */
  readonly protocol: string;
  /** Whether it is the public DHT of IPFS. @default {false} */
  readonly isAmino?: boolean | undefined;
  /** Bounds each question. */
  readonly clock: Clock;
  /** Whether to ask no other machine. @default {false} */
  readonly loopbackOnly?: boolean;
  /**
   * How long a node has from dialling to its answer, and half of it for one of
   * several addresses. The same goes for a provider: one that accepts and stays
   * silent must cost little.
   */
  readonly timeoutMs?: number;
  /** Asks the DNS what `/dnsaddr/...` stands for. @default the system's */
  readonly resolveTxt?: ResolveTxt;
  /** Counts the requests sent. */
  readonly sent?: RequestTally | undefined;
  /** Ends the opening. */
  readonly signal: AbortSignal;
}

/**
 * How long nodes with known addresses wait for those whose names are being
 * resolved.
 */
const DNS_GRACE_MS = 200;

/**
 * Opens a client with an identity of its own, made for this time only.
 */
export async function openDhtClient(
  options: DhtClientOptions,
): Promise<DhtClient> {
  options.signal.throwIfAborted();
  const libp2p = await openStranger(options);
  const { clock, timeoutMs = STRANGER_TIMEOUT_MS } = options;
  return {
    findValues(key, seeds, { signal }) {
      const request = { call: KadCall.getValue, key: utf8(key) };
      return find(libp2p, request, seeds, { ...options, signal });
    },
    findProviders(key, seeds, { signal }) {
      const multihash = keyMultihash(utf8(key));
      const request = { call: KadCall.getProviders, key: multihash };
      return find(libp2p, request, seeds, { ...options, signal });
    },
    async fetch(from, key, { signal }) {
      using limit = deadline(clock, timeoutMs / 2, { signal });
      return await fetchValue(libp2p, from, utf8(key), limit);
    },
    async [Symbol.asyncDispose]() {
      await libp2p.stop();
    },
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A seed, and the addresses that it stands for. */
interface Expanded {
  readonly seed: string;
  readonly addresses: Result<string[]>;
}

/**
 * Asks from all seeds together, but from those whose name the DNS is slow to
 * resolve only afterwards.
 */
async function* find(
  node: Dialer,
  request: KadRequest,
  seeds: readonly string[],
  options: DhtClientOptions,
): AsyncGenerator<LookupStep, void, undefined> {
  const { clock, signal } = options;
  using limit = deadline(clock, STRANGER_TIMEOUT_MS, { signal });
  const expanded: Expanded[] = [];
  const pending = new Set<Promise<void>>();
  for (const seed of seeds) {
    const one = expand(seed, { ...options, signal: limit.signal })
      .then((addresses) => {
        expanded.push({ seed, addresses });
        pending.delete(one);
      });
    pending.add(one);
  }
  while (pending.size > 0 || expanded.length > 0) {
    if (expanded.length === 0) await Promise.race(pending);
    using grace = deadline(clock, DNS_GRACE_MS, { signal });
    await Promise.race([Promise.all(pending), whenAborted(grace.signal)]);
    yield* findFrom(node, request, expanded.splice(0), options);
  }
}

async function* findFrom(
  node: Dialer,
  request: KadRequest,
  seeds: readonly Expanded[],
  options: DhtClientOptions,
): AsyncGenerator<LookupStep, void, undefined> {
  /** The seed that each address comes from. */
  const origins = new Map<string, string>();
  for (const { seed, addresses } of seeds) {
    if (!addresses.ok) {
      yield { kind: "failure", at: seed, reason: addresses.reason };
      continue;
    }
    for (const address of addresses.value) origins.set(address, seed);
  }
  if (origins.size === 0) return;
  const inTurns = byGroupsInTurns([...origins.keys()]);
  const steps = requestNearest(node, inTurns, request, {
    timeoutMs: STRANGER_TIMEOUT_MS,
    ...options,
  });
  for await (const step of steps) {
    const seed = step.kind === "failure" ? origins.get(step.at) : undefined;
    yield step.kind === "answer" || seed === undefined || seed === step.at
      ? step
      : { ...step, at: seed, reason: `${step.at}: ${step.reason}` };
  }
}

/**
 * The first address of each group of hosts, then the second of each: of a
 * hundred nodes of one host none has to be asked before one that has another.
 */
export function byGroupsInTurns(addresses: readonly string[]): string[] {
  const groupOf = rememberedGroups();
  const byGroup = Map.groupBy(
    addresses,
    (address) => groupOf(address.split("/")[2] ?? ""),
  );
  return [...byGroup.values()].flatMap((group) => [...group.entries()])
    .sort(([a], [b]) => a - b).map(([, address]) => address);
}

async function expand(
  seed: string,
  { loopbackOnly = false, resolveTxt, signal }: DhtClientOptions,
): Promise<Result<string[]>> {
  // Nor is the DNS asked, which is another machine.
  return loopbackOnly && !isLoopbackMultiaddr(seed)
    ? refuse("it is not on loopback, and only loopback may be used")
    : await expandDnsaddr(seed, { signal, resolveTxt });
}
