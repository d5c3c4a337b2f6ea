/** Holds UDP port 5353 without sharing it, until it is killed. */
import dgram from "node:dgram";

const socket = dgram.createSocket({ type: "udp4", reuseAddr: false });
socket.bind(5353, "0.0.0.0", () => {
  Deno.stdout.writeSync(new TextEncoder().encode("held\n"));
});
