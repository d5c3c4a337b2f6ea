/**
 * Throws packets at everybody on `e0`'s LAN: `COUNT SEED`. One in five is
 * random, the others are what it hears, with bytes changed.
 */
import dgram from "node:dgram";
import { seededRandom } from "../memory_lan.ts";
import { mutatedPacket, randomPacket } from "../packet_mutation.ts";

const [count = "0", seed = "0", address = ""] = Deno.args;
const random = seededRandom(Number(seed));
const heard: Uint8Array[] = [];
const socket = dgram.createSocket({ type: "udp4", reuseAddr: true });
await new Promise<void>((resolve) => socket.bind(5353, "224.0.0.251", resolve));
socket.setMulticastInterface(address);
socket.addMembership("224.0.0.251", address);
socket.on("message", (packet, from) => {
  if (from.address !== address && heard.length < 200) heard.push(packet);
});
for (let i = 0; i < Number(count); i++) {
  const template = heard[Math.floor(random() * heard.length)];
  const packet = template === undefined || random() < 0.2
    ? randomPacket(random)
    : mutatedPacket(random, template);
  await new Promise((resolve) => {
    socket.send(packet, 5353, "224.0.0.251", resolve);
  });
  // A pause now and then, or the receiver's buffer is all that is tested.
  if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 5));
}
Deno.stdout.writeSync(new TextEncoder().encode("done\n"));
Deno.exit(0);
