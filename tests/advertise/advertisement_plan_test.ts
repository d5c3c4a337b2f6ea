import assert from "node:assert/strict";
import { planAdvertisements } from "../../lib/advertise/advertisement_plan.ts";
import type { Advertisement } from "../../lib/advertise/advertiser.ts";

function ad(channel: string, version = "1"): Advertisement {
  return { image: { channel, arch: "arm64" }, version };
}

Deno.test("planAdvertisements() publishes what is new and what has a new version", () => {
  const plan = planAdvertisements(
    [ad("stable"), ad("testing")],
    [ad("stable"), ad("testing", "2"), ad("nightly")],
  );
  assert.deepEqual(plan.publish, [ad("testing", "2"), ad("nightly")]);
  assert.deepEqual(plan.withdraw, []);
});

Deno.test("planAdvertisements() withdraws what is gone", () => {
  const plan = planAdvertisements([ad("stable"), ad("testing")], []);
  assert.deepEqual(plan.publish, []);
  assert.deepEqual(plan.withdraw, [ad("stable").image, ad("testing").image]);
});

Deno.test("planAdvertisements() has nothing to do when nothing changed", () => {
  const plan = planAdvertisements([ad("stable")], [ad("stable")]);
  assert.deepEqual(plan, { publish: [], withdraw: [] });
});
