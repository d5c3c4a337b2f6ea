import assert from "node:assert/strict";
import { createDhtSource } from "../../lib/discover/dht_source.ts";
import { createIdentity } from "../../lib/net/dht/identity.ts";
import { bootRecordKey } from "../../lib/wire/boot_record.ts";
import {
  BOOTSTRAP,
  findFor,
  IMAGE,
  network,
  record,
} from "../support/fake_dht.ts";

const alice = await createIdentity();

Deno.test("find() reports that no client can be opened", async () => {
  const { dht, clock } = network();
  const openClient = () => Promise.reject(new Error("no network"));
  assert.deepEqual(await findFor(500, dht, clock, { openClient }), [
    { kind: "problem", message: "The DHT cannot be asked: no network" },
  ]);
});

Deno.test("find() ends at once with an aborted signal", async () => {
  const { dht, clock } = network();
  for (const bootstrap of [[], [BOOTSTRAP]]) {
    const source = createDhtSource({
      bootstrap,
      clock,
      isClockTrusted: true,
      openClient: dht.openClient,
    });
    const signal = AbortSignal.abort();
    assert.deepEqual(
      await Array.fromAsync(source.find(IMAGE, { signal })),
      [],
    );
  }
  assert.equal(dht.lookups, 0);
});

Deno.test("find() closes its client when its reader stops", async () => {
  const { dht, clock } = network();
  dht.values.set(bootRecordKey(IMAGE), [await record(alice, clock)]);
  const source = createDhtSource({
    bootstrap: [BOOTSTRAP],
    clock,
    isClockTrusted: true,
    openClient: dht.openClient,
  });
  const { signal } = new AbortController();
  for await (const _ of source.find(IMAGE, { signal })) break;
  assert.equal(dht.openClients, 0);
  assert.equal(clock.pending, 0);
});
