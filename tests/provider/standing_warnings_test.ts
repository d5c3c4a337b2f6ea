import assert from "node:assert/strict";
import { StandingWarnings } from "../../lib/provider/standing_warnings.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

function open() {
  const [clock, logger] = [new FakeClock(), new MemoryLogger()];
  const warnings = new StandingWarnings({ clock, logger });
  return { clock, warnings, lines: logger.lines };
}

Deno.test("StandingWarnings says a fault once as long as it stands, and again when it comes back", () => {
  const { warnings, lines } = open();
  for (const texts of [["a"], ["a", "b"], ["b"], ["b", "a"]]) {
    warnings.update(texts, 0);
    assert.deepEqual(warnings.texts, texts);
  }
  assert.deepEqual(lines, ["WARN a", "WARN b", "WARN a"]);
  assert.equal(warnings.hasUnsaid, false);
});

Deno.test("StandingWarnings says a fault when it has lasted, and none that was gone before", async () => {
  const { clock, warnings, lines } = open();
  warnings.update(["lasts", "passes"], 2000);
  assert.deepEqual(warnings.texts, ["lasts", "passes"]);
  assert.equal(warnings.hasUnsaid, true);
  await clock.advance(1999);
  warnings.update(["lasts", "passes"], 2000);
  assert.deepEqual(lines, []);
  await clock.advance(1);
  warnings.update(["lasts"], 2000);
  assert.deepEqual(lines, ["WARN lasts"]);
  assert.equal(warnings.hasUnsaid, false);
});

Deno.test("StandingWarnings counts a fault that comes back from its return", async () => {
  const { clock, warnings, lines } = open();
  warnings.update(["a"], 2000);
  await clock.advance(1500);
  warnings.update([], 2000);
  warnings.update(["a"], 2000);
  await clock.advance(1500);
  warnings.update(["a"], 2000);
  assert.deepEqual(lines, []);
});
