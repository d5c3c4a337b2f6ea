/** Binds a TCP socket, as `Deno.listen` does. */
export type Listen = (
  options: { readonly hostname: string; readonly port: number },
) => Deno.TcpListener;

/**
 * Opens the listening sockets for an address. `::` means every address of both
 * families, even where IPv6 sockets do not accept IPv4 (`net.ipv6.bindv6only`):
 * then two sockets share the port.
 *
 * @param port 0 takes a free one, the same for both
 * @param listen for tests
 * @returns one or two, the one of `hostname` first
 * @throws what the system says, with its code, when a socket cannot be had
 */
export function openListeners(
  hostname: string,
  port: number,
  listen: Listen = Deno.listen,
): [Deno.TcpListener, ...Deno.TcpListener[]] {
  const takesBoth = hostname !== "::" || isDualStack(listen);
  const listener = listen({ hostname, port });
  if (takesBoth) return [listener];
  try {
    const { port } = listener.addr;
    return [listener, listen({ hostname: "0.0.0.0", port })];
  } catch (error) {
    listener.close();
    throw error;
  }
}

/**
 * Whether the system has IPv6, on whatever address.
 *
 * @param listen for tests
 */
export function hasIpv6(listen: Listen = Deno.listen): boolean {
  try {
    listen({ hostname: "::", port: 0 }).close();
    return true;
  } catch {
    return false; // EAFNOSUPPORT or EADDRNOTAVAIL
  }
}

/**
 * Whether a socket on `::` takes IPv4, too. Deno tells of no socket's options: a
 * port that `::` left free says it.
 *
 * @param listen for tests
 */
export function isDualStack(listen: Listen = Deno.listen): boolean {
  const listener = listen({ hostname: "::", port: 0 });
  try {
    listen({ hostname: "0.0.0.0", port: listener.addr.port }).close();
    return false;
  } catch {
    return true;
  } finally {
    listener.close();
  }
}
