/** Addresses of their own for nodes that share a process and a machine. */
import { AsyncLocalStorage } from "node:async_hooks";
import net from "node:net";

const own = new AsyncLocalStorage<string>();
const connect = net.connect;

/**
 * Has all connections that are opened in `run`, and later from what it starts,
 * come from an address. libp2p opens them by `net.connect`, without a way to
 * say where from.
 *
 * @param address of 127.0.0.0/8, any of which Linux has
 */
export function withOwnAddress<T>(address: string, run: () => T): T {
  return own.run(address, run);
}

Object.assign(net, {
  connect(options: net.NetConnectOpts) {
    const localAddress = own.getStore();
    return connect(
      localAddress === undefined ? options : { ...options, localAddress },
    );
  },
});
