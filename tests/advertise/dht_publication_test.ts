import assert from "node:assert/strict";
import {
  newPublication,
  peerSeen,
  resume,
  toldOf,
} from "../../lib/advertise/dht_publication.ts";

const image = { channel: "stable", arch: "arm64" };
const at = (monotonicMs: number) => ({
  monotonicMs,
  wallMs: 1_795_334_400_000 + monotonicMs,
});
const open = () => newPublication({ image, version: "1" }, at(0));

Deno.test("images have places of their own in the key space, the same each time", () => {
  const places = Array.from({ length: 100 }, (_, i) => {
    const image = { channel: `c${i}`, arch: "arm64" };
    return newPublication({ image, version: "1" }, at(0)).place;
  });
  assert.equal(new Set(places).size, 100);
  assert.ok(places.every((place) => place >= 0 && place < 1));
  const low = places.filter((place) => place < 0.5).length;
  assert.ok(low > 25 && low < 75, `${low} of 100 in one half`);
  assert.equal(open().place, open().place);
});

Deno.test("peerSeen() leaves alone what has all the holders it wants", () => {
  const publication = { ...open(), dueMs: 1e6, toldAt: 20 };
  peerSeen(publication, 10_000);
  assert.equal(publication.dueMs, 1e6);
  peerSeen(Object.assign(publication, { toldAt: 19 }), 10_000);
  assert.equal(publication.dueMs, 10_500);
});

Deno.test("what toldOf() says is taken up by resume(), and nothing while it is not found", () => {
  const publication = Object.assign(open(), {
    ...{ url: "http://a/", storedAt: 3, toldAt: 4, toldMs: 500 },
  });
  const [told = assert.fail()] = toldOf(publication, at(2000));
  assert.equal(told.toldMs, at(500).wallMs);
  const again = open();
  resume(again, told, at(500));
  assert.deepEqual(toldOf(again, at(9000)), [told]);
  assert.deepEqual(again.lastStored, at(500));
  assert.deepEqual(toldOf({ ...publication, problem: "no" }, at(1)), []);
  assert.deepEqual(toldOf(open(), at(1)), [], "nobody was told");
});
