import assert from "node:assert/strict";
import { ListenError } from "../../../lib/net/dht/listen_error.ts";
import { libp2pTest, openTestNode } from "../../support/dht_nodes.ts";

/** What the system says when a node is to listen here. */
async function codeAt(listen: string): Promise<string | undefined> {
  try {
    await using _node = await openTestNode({ listen: [listen] });
  } catch (error) {
    assert.ok(error instanceof ListenError, String(error));
    assert.doesNotMatch(error.message, /\n| at |ext:/);
    return error.code;
  }
  assert.fail(`listens on ${listen}`);
}

libp2pTest("ListenError has what the system says of an address", async () => {
  using busy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assert.equal(
    await codeAt(`/ip4/127.0.0.1/tcp/${busy.addr.port}`),
    "EADDRINUSE",
  );
  assert.equal(await codeAt("/ip4/192.0.2.7/tcp/0"), "EADDRNOTAVAIL");
  assert.equal(await codeAt("/ip4/localhost/tcp/0"), undefined);
});
