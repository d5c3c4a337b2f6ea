import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { bindSocket, closeSocket } from "../../lib/net/udp_socket.ts";

Deno.test("bindSocket() says which port is taken, and closeSocket() may be called twice", async () => {
  const first = createSocket("udp4");
  await bindSocket(first, 0, "127.0.0.1");
  const { port } = first.address();
  const second = createSocket("udp4");
  await assert.rejects(bindSocket(second, port, "127.0.0.1"), {
    code: "EADDRINUSE",
  });
  closeSocket(second);
  closeSocket(first);
  closeSocket(first);
});
