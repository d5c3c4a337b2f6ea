import assert from "node:assert/strict";
import { missedReason } from "../../../lib/net/dht/outside_look.ts";

Deno.test("missedReason() tells nodes that do not have it from no nodes", () => {
  assert.equal(
    missedReason({ kind: "absent", askedCount: 1 }),
    "a lookup through 1 other node does not find it",
  );
  assert.equal(
    missedReason({ kind: "absent", askedCount: 20 }),
    "a lookup through 20 other nodes does not find it",
  );
  assert.equal(
    missedReason({ kind: "unanswered", failures: [] }),
    "no other DHT node answers, name nodes to join through with --bootstrap",
  );
  assert.equal(
    missedReason({ kind: "unanswered", failures: ["a", "b", "c", "d"] }),
    "no other DHT node answers: a; b; c, name nodes to join through with --bootstrap",
  );
});
