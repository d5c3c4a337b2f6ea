import assert from "node:assert/strict";
import {
  type Answered,
  boundsOf,
  insert,
  isBefore,
  newCandidate,
  type Path,
  type Turn,
} from "../../../lib/net/dht/lookup_paths.ts";

function answered(distance: number, group: string): Answered {
  return { distance: Uint8Array.of(distance), group };
}

function path(overrides: Partial<Path> = {}): Path {
  return { asked: 0, unanswered: 0, open: 0, answered: [], ...overrides };
}

function turn(distance: number, overrides: Partial<Turn> = {}): Turn {
  const candidate = newCandidate(Uint8Array.of(distance));
  return { candidate, path: path(), isSurplus: false, ...overrides };
}

/** Bounds of a path on which those have answered, as `DISTANCE GROUP`. */
function bounds(...those: string[]) {
  const own = path();
  for (const text of those) {
    const [distance = "", group = ""] = text.split(" ");
    insert(own.answered, answered(Number(distance), group));
  }
  const { regular, surplus } = boundsOf(own, 4);
  return [regular?.[0], surplus?.[0]];
}

Deno.test("boundsOf() has a path go on until k have answered", () => {
  assert.deepEqual(bounds("1 a", "2 b", "3 c"), [undefined, undefined]);
  assert.deepEqual(bounds("1 a", "2 b", "3 c", "4 d", "5 e"), [4, 0]);
});

Deno.test("boundsOf() does not end a path for what one group answered while there may be others", () => {
  assert.deepEqual(bounds("1 a", "2 a", "3 a", "4 a", "5 a"), [undefined, 4]);
  assert.deepEqual(bounds("1 a", "2 a", "3 a", "7 b"), [undefined, 7]);
  assert.deepEqual(bounds("1 a", "2 a", "7 b", "8 c", "9 d"), [9, 0]);
});

Deno.test("insert() sorts by distance, each once", () => {
  const one = answered(5, "a");
  const sorted = [answered(1, "a"), answered(9, "a")];
  insert(sorted, one);
  insert(sorted, one);
  assert.deepEqual(sorted.map(({ distance }) => distance[0]), [1, 5, 9]);
});

Deno.test("isBefore() has a path with silent nodes wait, and a group that had its share", () => {
  const near = turn(1);
  assert.ok(isBefore(near, turn(2)));
  assert.ok(isBefore(turn(2), { ...near, isSurplus: true }));
  assert.ok(isBefore(turn(2), { ...near, path: path({ unanswered: 1 }) }));
  assert.ok(isBefore(turn(2), { ...near, path: path({ asked: 1 }) }));
  assert.ok(!isBefore(near, near));
});
