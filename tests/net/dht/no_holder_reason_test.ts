import assert from "node:assert/strict";
import type { JoinState } from "../../../lib/net/dht/join_state.ts";
import { noHolderReason } from "../../../lib/net/dht/no_holder_reason.ts";

const NOBODY = { reached: 0, storedAt: 0, providedAt: 0, failures: [] };

Deno.test("noHolderReason() tells peers that keep nothing from no peers", () => {
  const failures = ["a", "b", "c", "d"];
  assert.equal(
    noHolderReason({ ...NOBODY, reached: 1, failures }, new Map()),
    "1 DHT peer does not keep the record: a, b, c, which also happens when a clock is wrong",
  );
  assert.match(
    noHolderReason({ ...NOBODY, reached: 2, failures }, new Map()),
    /^2 DHT peers do not keep/,
  );
  assert.equal(
    noHolderReason(NOBODY, new Map()),
    "no DHT peer yet, name nodes to join through with --bootstrap",
  );
  assert.equal(
    noHolderReason({ ...NOBODY, failures }, new Map()),
    "no DHT peer yet: a; b; c, name nodes to join through with --bootstrap",
  );
});

Deno.test("noHolderReason() names the bootstrap nodes that failed, in printable words", () => {
  const states = new Map<string, JoinState>([
    ["/ip4/192.0.2.1/tcp/1", { kind: "connected" }],
    ["/ip4/192.0.2.2\n", { kind: "failed", reason: "refused" }],
    ["/ip4/192.0.2.3/tcp/1", { kind: "dialling" }],
  ]);
  assert.equal(
    noHolderReason({ ...NOBODY, failures: ["no answer in time"] }, states),
    "no DHT peer yet: /ip4/192.0.2.2?: refused, name nodes to join through with --bootstrap",
  );
});
