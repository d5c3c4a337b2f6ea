import type { Socket } from "node:dgram";

/**
 * Binds a socket.
 *
 * @throws the system's error, when the port or the address cannot be had
 */
export function bindSocket(
  socket: Socket,
  port: number,
  address: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.removeListener("error", reject);
      resolve();
    });
  });
}

/**
 * Closes a socket, whether it was ever open or not.
 *
 * The event that would tell of the end is left alone: Deno 2.9 emits it from
 * process.nextTick, which does nothing as long as node:process is not loaded.
 */
export function closeSocket(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // It never opened, or is closed.
  }
}
