import type { Connection, IdentifyResult, Libp2p } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { type Clock, sleep } from "../../../core/clock.ts";
import { hostKey, rememberedGroups } from "../peer_groups.ts";
import {
  hostOf,
  tcpPort,
  uniqueAddresses,
  withoutPeerId,
} from "./addresses.ts";
import type { DhtServices } from "./libp2p.ts";
import { DialBackAsker, serveDialBack } from "./dial_back.ts";

/** Nodes that are asked at once. */
const MAX_ASKED = 3;
/** A node that was just connected with is still being identified. */
const FIRST_CHECK_MS = 2000;
/** While no other node has connected, or a firewall is being opened. */
const RETRY_MS = 20_000;
/** For a node that others reach. */
const INTERVAL_MS = 300_000;

/** How it is watched whether others reach this node. */
export interface ReachabilityOptions {
  /** Connections with nodes of the DHT. */
  readonly connections: () => readonly Connection[];
  /**
   * Told of each change.
   *
   * @param address at which others reach it, without peer id, where they were
   * told of no other
   */
  readonly onChange: (isReachable: boolean, address?: Multiaddr) => void;
  /** Says when to ask. */
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Dials other nodes back, and asks them, until the signal aborts, whether they
 * reach this one.
 */
export async function watchReachability(
  libp2p: Libp2p<Pick<DhtServices, "listening">>,
  { connections, onChange, clock, signal }: ReachabilityOptions,
): Promise<void> {
  const options = { clock, signal };
  const asker = new DialBackAsker(options);
  await serveDialBack(libp2p, options);
  await asker.listen(libp2p);
  /** Where each node sees this one. */
  const observed = new WeakMap<Connection, Multiaddr>();
  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>) => {
    const { connection, observedAddr } = detail;
    if (observedAddr !== undefined) observed.set(connection, observedAddr);
  };
  libp2p.addEventListener("peer:identify", onIdentify);
  let isReachable: boolean | undefined;
  let waitMs = FIRST_CHECK_MS;
  try {
    while (true) {
      await sleep(clock, waitMs, { signal });
      const asked = someOf(connections());
      let proven: Multiaddr | undefined;
      const said = await Promise.all(asked.map(async (connection) => {
        const own = ownAddresses(
          libp2p.getMultiaddrs(),
          observed.get(connection),
          tcpPort(libp2p.services.listening.addresses()),
        );
        const isReached = await asker.ask(connection, own);
        if (isReached === true && own.length === 1) [proven] = own;
        return isReached;
      }));
      const now = judge(said) ?? isReachable;
      if (now !== undefined && now !== isReachable) onChange(now, proven);
      isReachable = now;
      waitMs = isReachable === true
        ? INTERVAL_MS
        : asked.length === 0
        ? FIRST_CHECK_MS
        : RETRY_MS;
    }
  } catch {
    // Aborted.
  } finally {
    libp2p.removeEventListener("peer:identify", onIdentify);
  }
}

/**
 * Combines the reports of others. That one reached this node is proof; that one
 * of several did not proves nothing, since it may lie.
 */
export function judge(
  said: readonly (boolean | undefined)[],
): boolean | undefined {
  if (said.includes(true)) return true;
  const failures = said.filter((one) => one === false).length;
  return failures > 0 && 2 * failures > said.length ? false : undefined;
}

/**
 * The addresses that others are told, and the one that this node is seen at.
 *
 * @param port that it listens on
 */
export function ownAddresses(
  announced: readonly Multiaddr[],
  observed: Multiaddr | undefined,
  port: string | undefined,
): Multiaddr[] {
  const own = announced.map((one) => multiaddr(withoutPeerId(one)));
  const host = observed && hostOf(observed);
  if (port === undefined || !host) return own;
  const family = host.includes(":") ? "ip6" : "ip4";
  const seen = multiaddr(`/${family}/${host}/tcp/${port}`);
  return uniqueAddresses([...own, seen]);
}

/** Some connections, each with another host where there are several. */
function someOf(connections: readonly Connection[]): Connection[] {
  const all = shuffled(connections);
  return [...new Set([...onePerHost(all), ...all])].slice(0, MAX_ASKED);
}

/** One connection with each host, in any order. */
export function onePerHost<T extends Pick<Connection, "remoteAddr">>(
  connections: readonly T[],
): T[] {
  const keyOf = rememberedGroups(hostKey);
  const hosts = new Map(
    shuffled(connections).map((one) => [keyOf(hostOf(one.remoteAddr)), one]),
  );
  return [...hosts.values()];
}

function shuffled<T>(items: readonly T[]): T[] {
  return items.map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at).map(({ one }) => one);
}
