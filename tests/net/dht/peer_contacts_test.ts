import assert from "node:assert/strict";
import {
  type OtherEnd,
  PeerContacts,
} from "../../../lib/net/dht/peer_contacts.ts";

function at(remotePeer: string, remoteAddr: string): OtherEnd {
  return { remotePeer, remoteAddr };
}

Deno.test("PeerContacts lists who is connected first, then who was, the last first", () => {
  const contacts = new PeerContacts();
  contacts.ended(at("a", "/ip4/10.0.0.1/tcp/1"), 1000);
  contacts.ended(at("b", "/ip4/10.0.0.2/tcp/1"), 2000);
  contacts.ended(at("a", "/ip6/::ffff:10.0.0.1/tcp/2"), 3000);
  contacts.ended(at("c", "/ip4/10.0.0.3/tcp/1"), 4000);
  const open = [at("c", "/ip4/10.0.0.3/tcp/9")];
  assert.deepEqual(
    contacts.list(open, 9000).map((one) => [
      one.peerId,
      one.address,
      one.isConnected,
      one.lastContactMs,
    ]),
    [
      ["c", "/ip4/10.0.0.3/tcp/9", true, 9000],
      ["a", "/ip4/10.0.0.1/tcp/2", false, 3000],
      ["b", "/ip4/10.0.0.2/tcp/1", false, 2000],
    ],
  );
});

Deno.test("PeerContacts keeps and lists a bounded number of nodes", () => {
  const contacts = new PeerContacts();
  for (let i = 0; i < 10_000; i++) {
    contacts.ended(at(`${i}`, "/ip4/10.0.0.1"), i);
  }
  const gone = contacts.list([], 0);
  assert.equal(gone.length, 256);
  assert.equal(gone[0]?.peerId, "9999");
  const open = Array.from(
    { length: 500 },
    (_, i) => at(`open${i}`, "/ip4/10.0.0.1"),
  );
  assert.equal(contacts.list(open, 0).length, 256);
});
