import assert from "node:assert/strict";
import { dhtOfNetwork, nodesToJoin } from "../../lib/config/dht_nodes.ts";
import { DEFAULT_CONFIG } from "../../lib/config/provider_config.ts";
import { AMINO_BOOTSTRAP } from "../../lib/core/dht_network.ts";
import { UsageError } from "../../lib/core/errors.ts";

const NAMED = ["/ip4/192.0.2.1/tcp/4001"];

Deno.test("a private DHT is joined through the nodes that are named, by any protocol", () => {
  const { dht } = DEFAULT_CONFIG;
  assert.deepEqual(dhtOfNetwork(dht), dht);
  assert.deepEqual(dht.bootstrapNodes, []);
  const protocol = "/phase/kad/1.0.0";
  const own = { ...dht, protocol, bootstrapNodes: NAMED };
  assert.deepEqual(dhtOfNetwork(own), own);
  assert.deepEqual(nodesToJoin({ network: undefined, named: [] }), []);
});

Deno.test("the public DHT is joined through its own nodes unless others are named, and told anew every 22 hours", () => {
  const dht = { ...DEFAULT_CONFIG.dht, network: "amino" };
  const { bootstrapNodes, refreshIntervalSeconds } = dhtOfNetwork(dht);
  assert.deepEqual(bootstrapNodes, AMINO_BOOTSTRAP);
  assert.equal(refreshIntervalSeconds, 79_200);
  const named = dhtOfNetwork({ ...dht, bootstrapNodes: NAMED });
  assert.deepEqual(named.bootstrapNodes, NAMED);
  const network = "amino";
  assert.deepEqual(nodesToJoin({ network, named: [] }), AMINO_BOOTSTRAP);
});

Deno.test("the public DHT is joined by no other protocol", () => {
  const protocol = "/phase/kad/1.0.0";
  const network = "amino";
  assert.throws(
    () => nodesToJoin({ network, protocol, named: NAMED }),
    (error) =>
      error instanceof UsageError &&
      error.message ===
        'Cannot join the public DHT (network "amino") by the protocol "/phase/kad/1.0.0", which no node of it speaks: leave the protocol out, or the network',
  );
});
