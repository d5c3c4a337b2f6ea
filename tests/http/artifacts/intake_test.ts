import assert from "node:assert/strict";
import { Intake } from "../../../lib/http/artifacts/intake.ts";

/** One that has been given something at 0 ms. */
function begun(): Intake {
  const intake = new Intake(0);
  intake.resume(0);
  return intake;
}

Deno.test("Intake knows nothing before a client has had its time", () => {
  const intake = begun();
  assert.equal(intake.rate(4999), Infinity);
  assert.equal(begun().rate(10_000), 0);
});

Deno.test("Intake forgets what the system took at once", () => {
  const intake = begun();
  intake.add(4_000_000, 1);
  assert.equal(intake.rate(4999), Infinity);
  assert.equal(intake.rate(5000), 800_000);
  assert.ok(intake.rate(9999) > 400_000);
  assert.equal(intake.rate(10_000), 0);
});

Deno.test("Intake tells a steady rate", () => {
  const intake = begun();
  for (let ms = 100; ms <= 60_000; ms += 100) {
    intake.add(1000, ms);
    if (ms < 10_000) continue;
    const rate = intake.rate(ms);
    assert.ok(rate > 9500 && rate <= 10_500, `${rate} at ${ms} ms`);
  }
});

Deno.test("Intake sees a client that takes something every few seconds at any time", () => {
  const intake = begun();
  for (let ms = 0; ms <= 60_000; ms += 100) {
    if (ms % 4900 === 0) intake.add(49_000, ms);
    assert.ok(intake.rate(ms) >= 4900, `${intake.rate(ms)} at ${ms} ms`);
  }
});

Deno.test("Intake sees a client that stops, and one that goes on", () => {
  const intake = begun();
  for (let ms = 0; ms < 20_000; ms += 1000) intake.add(50_000, ms);
  assert.ok(intake.rate(20_000) > 40_000);
  assert.equal(intake.rate(30_000), 0);
  assert.equal(intake.rate(300_000), 0);
  intake.add(50_000, 300_000);
  assert.ok(intake.rate(300_000) > 0);
});

Deno.test("Intake holds no time against a client in which it waits for us", () => {
  const intake = new Intake(0);
  assert.equal(intake.rate(60_000), Infinity);
  intake.resume(60_000);
  intake.add(100_000, 60_000);
  intake.add(100_000, 65_000);
  intake.pause(65_000);
  intake.pause(90_000);
  assert.equal(intake.rate(120_000), Infinity);
  intake.resume(125_000);
  assert.equal(intake.rate(125_000), 40_000);
  assert.equal(intake.rate(135_000), 0);
});
