import assert from "node:assert/strict";
import fc from "fast-check";
import { compare } from "uint8arrays/compare";
import { xor } from "uint8arrays/xor";
import {
  bitsOf,
  keyIn,
  KeyRegions,
  type RegionNode,
} from "../../../lib/net/dht/key_regions.ts";
import { sha256 } from "../../../lib/net/dht/message.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Nodes at places of their own, each of another group. */
function someNodes(count: number, seed: number): RegionNode[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `${seed}-${i}`;
    return { peer: { id, multihash: bytes(id), addresses: [] }, group: id };
  });
}

function nearestOf(all: readonly RegionNode[], place: Uint8Array): string[] {
  return all
    .map(({ peer: { id, multihash } }) => ({
      id,
      distance: xor(sha256(multihash), place),
    }))
    .sort((a, b) => compare(a.distance, b.distance))
    .slice(0, 20).map(({ id }) => id);
}

/** As a look-up does it that misses nobody. */
function lookUp(
  regions: KeyRegions,
  all: readonly RegionNode[],
  key: Uint8Array,
): void {
  const place = sha256(key);
  const ids = new Set(nearestOf(all, place));
  for (const node of all) if (ids.has(node.peer.id)) regions.met(node);
  regions.explored(place);
}

/** Looks up what is missing for a key; @returns how many look-ups it took. */
function explore(
  regions: KeyRegions,
  all: readonly RegionNode[],
  key: Uint8Array,
): number {
  for (let count = 0;; count++) {
    const gap = regions.gap(sha256(key));
    if (gap === undefined) return count;
    assert.ok(count < 20, `never ends, at ${gap.prefix}`);
    lookUp(regions, all, gap.prefix === undefined ? key : keyIn(gap.prefix));
  }
}

Deno.test("KeyRegions knows the nodes nearest to every key once it has no gap there, and look-ups do not grow with the keys", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 1, max: 30 }),
      fc.nat(),
      (nodeCount, keyCount, seed) => {
        const all = someNodes(nodeCount, seed);
        const regions = new KeyRegions();
        let lookups = 0;
        for (let i = 0; i < keyCount; i++) {
          const key = bytes(`key ${seed} ${i}`);
          lookups += explore(regions, all, key);
          assert.deepEqual(
            regions.nearest(sha256(key)).map(({ peer }) => peer.id),
            nearestOf(all, sha256(key)),
          );
        }
        // Of a region with its k nodes half is met by the first look-up.
        assert.ok(lookups <= 2 + nodeCount / 4, `${lookups} look-ups`);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("KeyRegions needs one look-up where fewer nodes than k answer", () => {
  const regions = new KeyRegions();
  const all = someNodes(19, 1);
  assert.equal(explore(regions, all, bytes("a key")), 1);
  assert.equal(explore(regions, all, bytes("another key")), 0);
  assert.equal(regions.nearest(sha256(bytes("a key"))).length, 19);
});

Deno.test("a lost node is no longer chosen, and one that nobody met leaves no gap", () => {
  const regions = new KeyRegions();
  const all = someNodes(19, 1);
  explore(regions, all, bytes("a key"));
  regions.lost(all[0]?.peer.id ?? "");
  assert.equal(regions.nearest(sha256(bytes("a key"))).length, 18);
  assert.equal(regions.gap(sha256(bytes("a key"))), undefined);
});

Deno.test("of one group no more than a quarter is chosen while there are others", () => {
  const regions = new KeyRegions();
  const sybils = someNodes(100, 2).map((node) => ({ ...node, group: "one" }));
  for (const node of [...sybils, ...someNodes(15, 3)]) regions.met(node);
  const chosen = regions.nearest(sha256(bytes("a key")));
  assert.equal(chosen.filter(({ group }) => group === "one").length, 5);
  assert.equal(chosen.length, 20);
});

Deno.test("keyIn() makes a key whose place begins with the bits", () => {
  for (const prefix of ["", "0", "1", "10110", "00000000"]) {
    assert.ok(bitsOf(sha256(keyIn(prefix))).startsWith(prefix));
  }
});
