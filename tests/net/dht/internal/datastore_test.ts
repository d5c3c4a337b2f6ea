import { Key } from "interface-datastore";
import assert from "node:assert/strict";
import { DhtDatastore } from "../../../../lib/net/dht/internal/datastore.ts";

function peer(name: string): Key {
  return new Key(`/peers/${name}`);
}

async function known(store: DhtDatastore, names: string[]): Promise<string[]> {
  const there = await Promise.all(names.map((name) => store.has(peer(name))));
  return names.filter((_, i) => there[i]);
}

Deno.test("DhtDatastore forgets the peer it heard of longest ago, none that is to be kept", async () => {
  const store = new DhtDatastore({
    maxPeers: 3,
    kept: () => new Set(["self"]),
  });
  for (const name of ["self", "a", "b", "a", "c"]) {
    await store.put(peer(name), Uint8Array.of(1));
  }
  assert.deepEqual(await known(store, ["self", "a", "b", "c"]), [
    "self",
    "a",
    "c",
  ]);
  await store.delete(peer("a"));
  await store.put(peer("d"), Uint8Array.of(1));
  assert.deepEqual(await known(store, ["self", "c", "d"]), ["self", "c", "d"]);
});

Deno.test("DhtDatastore keeps all else as it is", async () => {
  const store = new DhtDatastore({ maxPeers: 1, kept: () => new Set() });
  for (const name of ["x", "y"]) {
    await store.put(new Key(`/other/${name}`), Uint8Array.of(1));
  }
  const all = await Array.fromAsync(store.query({ prefix: "/other" }));
  assert.equal(all.length, 2);
});
