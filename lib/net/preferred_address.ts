import dgram, { type Socket } from "node:dgram";
import type { Clock } from "../core/clock.ts";

/**
 * Multicast DNS beyond the link (RFC 6762 has no use for it): a destination of
 * so wide a scope that no link-local address is its source.
 */
const GROUP = "ff05::fb";
/** The system itself answers, in less than a millisecond. */
const ANSWER_TIMEOUT_MS = 500;

/**
 * The address of IPv6 that the system prefers on an interface: one that is not
 * deprecated, where there is any (RFC 4862 section 5.5.4, RFC 6724 section 5
 * rule 3).
 *
 * Deno tells of no address how long it holds. But the system chooses the source
 * of a packet by that, and hands a copy of its own multicast to those who have
 * joined: one packet, which no router passes on, says it.
 *
 * @returns undefined where the system does not say, as behind a firewall
 */
export async function preferredAddress(
  interfaceName: string,
  { clock }: { readonly clock: Clock },
): Promise<string | undefined> {
  const found = Promise.withResolvers<string | undefined>();
  const cancel = clock.setTimer(
    () => found.resolve(undefined),
    ANSWER_TIMEOUT_MS,
  );
  const socket = dgram.createSocket({ type: "udp6", ipv6Only: true });
  try {
    socket.on("error", () => found.resolve(undefined));
    socket.bind(0, "::", () => {
      sendToOwn(socket, interfaceName, found.resolve);
    });
    return await found.promise;
  } finally {
    cancel();
    socket.close();
  }
}

/** Sends something that nobody else knows, and waits for its copy. */
function sendToOwn(
  socket: Socket,
  interfaceName: string,
  onSource: (address: string | undefined) => void,
): void {
  const token = crypto.randomUUID();
  socket.on("message", (packet, { address }) => {
    if (packet.toString() === token) onSource(address);
  });
  try {
    socket.addMembership(GROUP, `::%${interfaceName}`);
    socket.setMulticastInterface(`::%${interfaceName}`);
    socket.setMulticastLoopback(true);
    socket.send(token, socket.address().port, GROUP, (error) => {
      if (error !== null) onSource(undefined);
    });
  } catch {
    onSource(undefined); // the interface is gone
  }
}
