import assert from "node:assert/strict";
import { Turns } from "../../lib/discover/turns.ts";

/** Takes all in turn, each named by its keys, such as `dht evil`. */
function order(...names: string[]): string[] {
  const turns = new Turns();
  const waiting = names.map((name) => name.split(" "));
  const taken: string[] = [];
  for (let at = 0; (at = turns.firstOf(waiting)) >= 0;) {
    const [keys = []] = waiting.splice(at, 1);
    turns.took(keys);
    taken.push(keys.join(" "));
  }
  return taken;
}

Deno.test("Turns takes those of one kind one after the other", () => {
  assert.deepEqual(order("a 1", "a 2", "a 3"), ["a 1", "a 2", "a 3"]);
  assert.deepEqual(order(), []);
});

Deno.test("Turns lets nobody go before all others, however many there are of it", () => {
  assert.deepEqual(
    order("a 1", "a 1", "a 1", "a 2", "b 3", "b 3"),
    ["a 1", "b 3", "a 2", "b 3", "a 1", "a 1"],
  );
});
