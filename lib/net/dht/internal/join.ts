import type { Connection, Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { type Clock, deadline, sleep } from "../../../core/clock.ts";
import { checkMultiaddr } from "../../../core/multiaddr_text.ts";
import { ok, refuse, type Result } from "../../../core/result.ts";
import { expandDnsaddr, type ResolveTxt } from "../dnsaddr.ts";
import type { OnJoinState } from "../join_state.ts";
import { failureReason } from "./failure.ts";

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** How soon a lost connection is noticed. */
const CHECK_INTERVAL_MS = 2000;
const JOIN_TIMEOUT_MS = 5000;
/** Nodes dialled of those that a name stands for. */
const MAX_AT_ONCE = 16;

/**
 * Keeps a node connected to each of its bootstrap addresses until the signal
 * aborts, even when they restart: their routing tables may be empty then, and
 * no other node would find them again.
 *
 * @param onState told of each change
 */
export async function keepJoined(
  { node, addresses, onState, isNeeded, clock, resolveTxt, signal }: {
    readonly node: Pick<Libp2p, "dial">;
    readonly addresses: readonly string[];
    readonly onState: OnJoinState;
    /** Whether a connection that has ended is missed. */
    readonly isNeeded: () => boolean;
    readonly resolveTxt: ResolveTxt | undefined;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  /** Any node that the name stands for will do. */
  const join = async (address: string): Promise<Connection> => {
    using limit = deadline(clock, JOIN_TIMEOUT_MS, { signal });
    const expanded = await expandDnsaddr(address, {
      signal: limit.signal,
      resolveTxt,
    });
    if (!expanded.ok) throw new Error(expanded.reason);
    return await Promise.any(
      expanded.value.slice(0, MAX_AT_ONCE).map((one) =>
        node.dial(multiaddr(one), { signal: limit.signal })
      ),
    );
  };
  const keepConnected = async (address: string) => {
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      onState(address, { kind: "dialling" });
      try {
        const connection = await join(address);
        onState(address, { kind: "connected" });
        retryMs = FIRST_RETRY_MS;
        while (connection.status === "open" || !isNeeded()) {
          await sleep(clock, CHECK_INTERVAL_MS, { signal });
        }
        onState(address, { kind: "failed", reason: "connection lost" });
      } catch (error) {
        if (signal.aborted) return;
        onState(address, { kind: "failed", reason: failureReason(error) });
      }
      try {
        await sleep(clock, retryMs * (0.75 + Math.random() / 2), { signal });
      } catch {
        return; // aborted
      }
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  };
  await Promise.all(addresses.map(keepConnected));
}

/**
 * Dials an address once.
 *
 * @param address untrusted
 */
export async function joinThrough(
  node: Pick<Libp2p, "dial">,
  address: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Result<void>> {
  const checked = checkMultiaddr(address);
  if (!checked.ok) return checked;
  using limit = deadline(clock, JOIN_TIMEOUT_MS, { signal });
  try {
    await node.dial(multiaddr(address), { signal: limit.signal });
    return ok(undefined);
  } catch (error) {
    return refuse(failureReason(error));
  }
}
