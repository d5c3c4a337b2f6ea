import assert from "node:assert/strict";
import {
  AMINO_BOOTSTRAP,
  parseDhtNetwork,
} from "../../lib/core/dht_network.ts";
import { checkMultiaddr } from "../../lib/core/multiaddr_text.ts";

Deno.test("a DHT network is private or amino, and nothing else", () => {
  assert.deepEqual(parseDhtNetwork("amino"), { ok: true, value: "amino" });
  assert.deepEqual(parseDhtNetwork("private"), { ok: true, value: "private" });
  assert.deepEqual(parseDhtNetwork("Amino"), {
    ok: false,
    reason: 'not a DHT network, which is "private" or "amino"',
  });
});

Deno.test("the nodes that the public DHT is joined through are six, each with its peer id", () => {
  assert.equal(new Set(AMINO_BOOTSTRAP).size, 6);
  for (const address of AMINO_BOOTSTRAP) {
    assert.ok(checkMultiaddr(address).ok, address);
    assert.match(address, /\/p2p\/(Qm|12D3)\w{44,49}$/);
  }
});
