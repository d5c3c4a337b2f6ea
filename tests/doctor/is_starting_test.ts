import assert from "node:assert/strict";
import { isStarting } from "../../lib/doctor/is_starting.ts";
import {
  FROM_NEIGHBOUR,
  HEALTHY,
  PROVIDER,
} from "../support/doctor_observations.ts";

function starts(provider: Partial<typeof PROVIDER>, seen = HEALTHY): boolean {
  return isStarting({ ...seen, provider: { ...seen.provider, ...provider } });
}

const mdns = (...interfaces: string[]) => ({
  mdns: { interfaces, links: [] },
});

Deno.test("isStarting() knows a provider that knows of no image yet", () => {
  assert.equal(starts({}), false);
  assert.equal(starts({ images: [] }), true);
  assert.equal(starts({ images: [], mdns: null }), true);
  assert.equal(starts({ images: [], missing: ["stable/arm64"] }), false);
  assert.equal(starts({ images: [], warnings: ["odd"] }), false);
  assert.equal(isStarting({ ...HEALTHY, provider: undefined }), false);
});

Deno.test("isStarting() knows a provider that uses no link yet, though there is one", () => {
  assert.equal(starts(mdns()), true);
  assert.equal(starts(mdns("e0")), true);
  assert.equal(starts(mdns("nope0")), false);
  assert.equal(starts(mdns(), { ...HEALTHY, addresses: [] }), false);
  assert.equal(starts(mdns(), FROM_NEIGHBOUR), true);
  assert.equal(starts(mdns("nope0"), FROM_NEIGHBOUR), false);
});
