import fc from "fast-check";
import assert from "node:assert/strict";
import {
  QuotaMap,
  type Quotas,
} from "../../../../lib/net/dht/internal/quota_map.ts";

const QUOTAS: Quotas = { max: 6, maxPerHost: 3, staleMs: 100 };

/** A map, and a way to fill it: `host/peer key distance`. */
function open(quotas = QUOTAS) {
  const evicted: string[] = [];
  const map = new QuotaMap<number>(quotas, (key) => evicted.push(key));
  const put = (what: string, nowMs = 0): boolean => {
    const [from = "", key = "", distance = ""] = what.split(" ");
    const [host = "", peer = ""] = from.split("/");
    return map.set(key, nowMs, { origin: { host, peer }, distance, nowMs });
  };
  const keys = () => [...map.entries()].map(([key]) => key).sort().join("");
  return { map, evicted, put, keys };
}

Deno.test("QuotaMap keeps what is nearest of a host that brings more than its share", () => {
  const { put, keys, evicted } = open();
  for (const what of ["h/p a 5", "h/p b 9", "h/p c 3", "h/p d 4"]) put(what);
  assert.equal(keys(), "acd");
  assert.deepEqual(evicted, ["b"]);
  assert.equal(put("h/p e 8"), false, "it is the farthest itself");
  assert.equal(keys(), "acd");
});

Deno.test("QuotaMap lets a host that has most give way, not those who came later", () => {
  const { put, keys, map } = open();
  for (const key of ["a", "b", "c"]) put(`big/p ${key} 5`);
  for (const from of ["x/1", "y/1", "z/1"]) put(`${from} ${from[0]} 9`);
  assert.equal(map.size, 6);
  assert.ok(put("new/1 n f"));
  assert.equal(map.size, 6);
  assert.match(keys(), /nxyz$/);
});

Deno.test("QuotaMap has the peer of a host give way that has most", () => {
  const { put, keys } = open();
  for (const key of ["a", "b", "c"]) put(`nat/flood ${key} 0`);
  assert.ok(put("nat/honest h f"), "far away, and yet");
  assert.match(keys(), /h$/);
  assert.ok(put("nat/flood i 0"), "in the place of one of its own");
  assert.match(keys(), /h/);
});

Deno.test("QuotaMap has what was not renewed give way first, however near it is", () => {
  const { put, keys } = open();
  put("h/p a 0", 0);
  put("h/p b 5", 50);
  put("h/p c 5", 90);
  put("h/p d 9", 100);
  assert.equal(keys(), "bcd");
  put("h/p b 5", 110); // renewed
  put("h/p e 7", 120); // none is stale: d is the farthest
  assert.equal(keys(), "bce");
});

Deno.test("QuotaMap counts a key for who set it last, and leaves it where that one has no room", () => {
  const { put, map, keys } = open();
  for (const key of ["a", "b", "c"]) put(`h/p ${key} 1`, 1);
  put("other/p x 9", 1);
  assert.equal(put("h/p x 9", 2), false);
  assert.equal(map.get("x"), 1);
  assert.equal(keys(), "abcx");
  assert.ok(put("h/p x 0", 2));
  assert.equal(map.get("x"), 2);
  assert.equal(map.size, 3);
  assert.ok(map.delete("x"));
  assert.equal(map.delete("x"), false);
});

Deno.test("QuotaMap never keeps more than its quotas", () => {
  const step = fc.record({
    host: fc.constantFrom("a", "b", "c", "d"),
    peer: fc.constantFrom("1", "2", "3"),
    key: fc.integer({ min: 0, max: 20 }),
    distance: fc.integer({ min: 0, max: 9 }),
    isDeleted: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const { map, put } = open();
    for (
      const [i, { host, peer, key, distance, isDeleted }] of steps.entries()
    ) {
      if (isDeleted) map.delete(String(key));
      else put(`${host}/${peer} ${key} ${distance}`, i);
      const hosts = Map.groupBy(map.entries(), ([, , origin]) => origin.host);
      assert.ok(map.size <= QUOTAS.max);
      for (const ofHost of hosts.values()) {
        assert.ok(ofHost.length <= QUOTAS.maxPerHost);
      }
    }
  }));
});
