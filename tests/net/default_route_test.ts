import assert from "node:assert/strict";
import { defaultRouteAddress } from "../../lib/net/default_route.ts";
import { FakeClock } from "../support/fake_clock.ts";

// What it finds is tested where there are networks: e2e/outward_address_test.ts.

Deno.test("defaultRouteAddress() ends with its signal, and leaves no timer", async () => {
  const clock = new FakeClock();
  const reason = new Error("not wanted any more");
  await assert.rejects(
    defaultRouteAddress({ clock, signal: AbortSignal.abort(reason) }),
    reason,
  );
  assert.equal(clock.pending, 0);
});
