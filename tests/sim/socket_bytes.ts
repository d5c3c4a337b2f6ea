/** What all sockets of this process have read and written. */
import net from "node:net";

const open = new Set<net.Socket>();
let closedBytes = 0;
const connect = net.connect;
const emit = net.Server.prototype.emit;

/** Bytes of TCP payload since this module was loaded, both ways together. */
export function socketBytes(): number {
  return [...open].reduce((sum, one) => sum + bytesOf(one), closedBytes);
}

function counted(socket: net.Socket): net.Socket {
  open.add(socket);
  socket.once("close", () => {
    open.delete(socket);
    closedBytes += bytesOf(socket);
  });
  return socket;
}

function bytesOf({ bytesRead, bytesWritten }: net.Socket): number {
  return bytesRead + bytesWritten;
}

Object.assign(net, {
  connect: (options: net.NetConnectOpts) => counted(connect(options)),
});
Object.assign(net.Server.prototype, {
  emit(this: net.Server, event: string, ...args: unknown[]) {
    const [socket] = args;
    if (event === "connection" && socket instanceof net.Socket) counted(socket);
    return emit.call(this, event, ...args);
  },
});
