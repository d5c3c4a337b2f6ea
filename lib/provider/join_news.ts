import type { Logger } from "../core/log.ts";
import { printable } from "../core/printable.ts";
import type { JoinState, OnJoinState } from "../net/dht/join_state.ts";

/**
 * Says when a bootstrap node cannot be reached, is lost, or is back: one line
 * for each turn, however often it is dialled meanwhile.
 */
export function joinNews(logger: Logger): OnJoinState {
  const known = new Map<string, Exclude<JoinState["kind"], "dialling">>();
  return (address, state) => {
    if (state.kind === "dialling") return;
    const before = known.get(address);
    known.set(address, state.kind);
    if (before === state.kind) return;
    const node = `the DHT node ${printable(address)}`;
    if (state.kind === "connected") {
      if (before !== undefined) logger.info(`Joined ${node} again`);
      return;
    }
    logger.warn(
      before === undefined
        ? `Cannot join ${node} (${state.reason}): retrying until it works`
        : `Lost ${node} (${state.reason}): dialling it until it answers`,
    );
  };
}

/**
 * Logs whether other nodes can connect to this machine whenever that changes;
 * that they can is logged only if they could not before.
 *
 * @param addresses of the node, asked for when there is something to say
 */
export function reachabilityNews(
  logger: Logger,
  addresses: () => readonly string[],
): (isReachable: boolean) => void {
  let hasWarned = false;
  return (isReachable) => {
    if (isReachable) {
      if (hasWarned) {
        logger.info("Other DHT nodes can connect to this machine");
      }
      return;
    }
    hasWarned = true;
    logger.warn(
      `Other DHT nodes cannot connect to ${
        addresses().join(" ")
      }: images are not found this way; open this port and that of HTTP in the firewall, or have the router map them with --port-mapping`,
    );
  };
}

/**
 * What is wrong where another machine has this one's identity.
 *
 * @param address a multiaddr, untrusted
 */
export function copyWarning(address: string): string {
  return `Another machine has this one's DHT identity, at ${
    printable(address)
  }: clients are sent to either; delete identity.key in the state directory of the copy and restart it`;
}
