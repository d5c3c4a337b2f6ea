import assert from "node:assert/strict";
import { publishingJson } from "../../../lib/http/status/publishing_json.ts";

Deno.test("publishingJson() rounds what it says, and has no round before the first is over", () => {
  assert.equal(publishingJson(undefined), null);
  const publishing = { waiting: 3, lagMs: 1499, meanHolders: 19.96 };
  assert.deepEqual(publishingJson(publishing), {
    queue: 3,
    lag_seconds: 1,
    mean_holders: 20,
    last_round: null,
  });
  const lastRound = { beganMs: 1_795_334_400_000, told: 998, failed: 2 };
  assert.deepEqual(publishingJson({ ...publishing, lastRound })?.last_round, {
    began_at: "2026-11-22T08:00:00.000Z",
    told: 998,
    failed: 2,
  });
});
