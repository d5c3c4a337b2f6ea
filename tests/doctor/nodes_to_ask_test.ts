import assert from "node:assert/strict";
import { nodesToAsk } from "../../lib/doctor/nodes_to_ask.ts";

const node = (name: string, state = "connected") => ({
  address: `/ip4/10.77.0.2/tcp/4001/p2p/${name}`,
  state,
  reason: undefined,
});

function ask(peers: unknown, bootstrap = [node("A"), node("B", "failed")]) {
  return nodesToAsk({ peerId: "Self", bootstrap }, JSON.stringify({ peers }))
    .map((address) => address.split("/").at(-1));
}

Deno.test("nodesToAsk() takes the nodes joined through, then those connected, never the provider's own", () => {
  const peer = (id: string, connected = true) => ({
    peer_id: id,
    address: "/ip4/10.77.0.3/tcp/4001",
    connected,
  });
  assert.deepEqual(
    ask([peer("C"), peer("Self"), peer("D", false), peer("C")]),
    ["A", "C"],
  );
  const whole = { ...peer("E"), address: "/ip4/10.77.0.4/tcp/1/p2p/E" };
  assert.deepEqual(ask([whole], []), ["E"]);
  const many = Array.from({ length: 20 }, (_, i) => peer(`P${i}`));
  assert.equal(ask(many).length, 8);
});

Deno.test("nodesToAsk() makes nothing of what is no list of peers", () => {
  for (const peers of [undefined, null, "", {}, [null], [{ peer_id: 1 }]]) {
    assert.deepEqual(ask(peers, []), []);
  }
  assert.deepEqual(nodesToAsk({ peerId: "Self", bootstrap: [] }, "<html>"), []);
});
