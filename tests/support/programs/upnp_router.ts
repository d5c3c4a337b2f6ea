/**
 * A home router's UPnP side on an address of this host: says in a line of JSON
 * which ports are mapped, whenever that changes. With a second argument
 * `permanent` it knows no mapping that ends by itself.
 */
// deno-lint-ignore-file no-console -- the lines are its result
import { createSocket } from "node:dgram";
import { FakeRouter } from "../fake_router.ts";

const address = Deno.args[0] ?? "";
const router = new FakeRouter();
router.knowsLeases = Deno.args[1] !== "permanent";

const tell = () => console.log(JSON.stringify([...router.mappings.keys()]));

Deno.serve(
  { hostname: address, port: 5000, onListen: tell },
  async (request) => {
    const { pathname } = new URL(request.url);
    const before = router.mappings.size;
    const response = await router.fetch(new URL(pathname, router.location), {
      method: request.method,
      body: await request.text(),
    });
    if (router.mappings.size !== before) tell();
    return response;
  },
);

const socket = createSocket({ type: "udp4", reuseAddr: true });
socket.on("message", (bytes, from) => {
  if (!bytes.toString().startsWith("M-SEARCH")) return;
  socket.send(
    `HTTP/1.1 200 OK\r\nLOCATION: http://${address}:5000/rootDesc.xml\r\n\r\n`,
    from.port,
    from.address,
  );
});
socket.bind(1900, () => socket.addMembership("239.255.255.250", address));
