import { type Clock, deadline } from "../core/clock.ts";

/** All hosts of a LAN: no host has to join it, so that none tells of it. */
const ALL_HOSTS = "224.0.0.1";
/** The system itself answers, in less than a millisecond. */
const ANSWER_TIMEOUT_MS = 500;

/**
 * The IPv4 address that this machine has towards the rest of the world, as it
 * would be the source of packets by the default route.
 *
 * Deno lets nobody read the routes, and connects no UDP socket. But multicast
 * for which no interface was chosen takes the default route, and the system
 * hands a copy of it to its own sockets (RFC 1112 section 6.1): the source of
 * that copy is the answer. With a TTL of 0 nothing leaves the machine.
 *
 * @returns undefined where there is no default route, the system hands no copy
 * out (a firewall), or Deno runs without `--unstable-net`
 * @throws the signal's reason, when it aborts first
 */
export async function defaultRouteAddress(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<string | undefined> {
  signal.throwIfAborted();
  // Not there without the flag, whatever its type says.
  if (!("listenDatagram" in Deno)) return undefined;
  let socket: Deno.DatagramConn | undefined;
  using limit = deadline(clock, ANSWER_TIMEOUT_MS, { signal });
  limit.signal.addEventListener("abort", () => close(socket), { once: true });
  try {
    socket = Deno.listenDatagram({
      transport: "udp",
      hostname: "0.0.0.0",
      port: 0,
    });
    const group = await socket.joinMulticastV4(ALL_HOSTS, "0.0.0.0");
    await group.setTTL(0);
    await group.setLoopback(true);
    return await sourceOfOwn(socket);
  } catch {
    signal.throwIfAborted();
    return undefined; // no route, or closed since nothing came
  } finally {
    close(socket);
  }
}

/** Sends something that nobody else knows, and waits for its copy. */
async function sourceOfOwn(
  socket: Deno.DatagramConn,
): Promise<string | undefined> {
  const { addr } = socket;
  if (addr.transport !== "udp") return undefined;
  const token = crypto.randomUUID();
  await socket.send(new TextEncoder().encode(token), {
    transport: "udp",
    hostname: ALL_HOSTS,
    port: addr.port,
  });
  while (true) {
    const [bytes, from] = await socket.receive();
    if (new TextDecoder().decode(bytes) !== token) continue;
    return from.transport === "udp" ? from.hostname : undefined;
  }
}

function close(socket: Deno.DatagramConn | undefined): void {
  try {
    socket?.close();
  } catch {
    // It is closed already.
  }
}
