/** Shares port 5353 as avahi does, and tells who sends it something by unicast. */
import dgram from "node:dgram";

const say = (line: string) =>
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const socket = dgram.createSocket({ type: "udp4", reuseAddr: true });
socket.on("message", (packet, from) => {
  if (String(packet) === "unicast") say(`got ${from.address}`);
});
socket.bind(5353, "0.0.0.0", () => say("listening"));
