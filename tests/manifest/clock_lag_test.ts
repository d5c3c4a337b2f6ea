import assert from "node:assert/strict";
import { clockLagWarning } from "../../lib/manifest/clock_lag.ts";
import { CLOCK_SKEW_MS } from "../../lib/manifest/timestamp.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");

Deno.test("clockLagWarning() warns of a clock that is behind by more than clocks differ", () => {
  assert.equal(clockLagWarning(NOW - 1000, NOW), undefined);
  assert.equal(clockLagWarning(NOW + CLOCK_SKEW_MS, NOW), undefined);
  assert.match(
    clockLagWarning(NOW + 3_600_000, NOW) ?? "",
    /created at 2026-11-22T13:00:00Z, but this machine's clock says 2026-11-22T12:00:00Z: set the clock/,
  );
});
