/** The real DHT and its twin in memory, held to one contract. */
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../lib/core/dht_protocol.ts";
import { openDhtClient } from "../../../lib/net/dht/client.ts";
import {
  parseBootRecordKey,
  signBootRecord,
} from "../../../lib/wire/boot_record.ts";
import { testDhtContract } from "../../support/dht_contract.ts";
import {
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../support/dht_nodes.ts";
import { MemoryDht, type PublicNode } from "../../support/memory_dht.ts";

async function makeValue(node: PublicNode, key: string): Promise<Uint8Array> {
  const image = parseBootRecordKey(key);
  if (!image.ok) throw new Error(image.reason);
  return await signBootRecord(image.value, {
    url: "http://192.0.2.7/",
    peerId: node.peerId,
    lastUpdatedMs: clock.now(),
    version: "1",
    ttlSeconds: 60,
  }, node.sign);
}

testDhtContract("the real DHT", {
  test: libp2pTest,
  open: () => ({
    openNode: () => openTestNode(),
    openClient: () =>
      openDhtClient({
        protocol: DEFAULT_DHT_PROTOCOL,
        clock,
        signal: unlimited,
      }),
  }),
  makeValue,
});

testDhtContract("the DHT in memory", {
  test: (name, run) => Deno.test(name, run),
  open: () => new MemoryDht(),
  makeValue,
});
