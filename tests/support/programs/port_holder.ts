/**
 * Holds a port without sharing it, until it is killed: UDP 5353, or what is
 * named, such as `udp 67` and `tcp 8080`.
 */
import dgram from "node:dgram";

const [protocol = "udp", port = "5353"] = Deno.args;

function say(): void {
  Deno.stdout.writeSync(new TextEncoder().encode("held\n"));
}

if (protocol === "tcp") {
  const listener = Deno.listen({ hostname: "0.0.0.0", port: Number(port) });
  say();
  for await (const connection of listener) connection.close();
} else {
  const socket = dgram.createSocket({ type: "udp4", reuseAddr: false });
  socket.bind(Number(port), "0.0.0.0", say);
}
