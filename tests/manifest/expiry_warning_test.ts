import assert from "node:assert/strict";
import { expiryWarning } from "../../lib/manifest/expiry_warning.ts";

const DAY_MS = 86_400_000;
const END = Date.parse("2026-12-22T12:00:00Z");

function warningAt(now: number): string | undefined {
  return expiryWarning({
    subject: "The manifest of stable/arm64",
    expiresAtMs: END,
    remedy: "sign it anew",
  }, now);
}

Deno.test("expiryWarning() is silent until 14 days before the end", () => {
  assert.equal(warningAt(END - 14 * DAY_MS - 1), undefined);
  assert.equal(
    warningAt(END - 14 * DAY_MS),
    "The manifest of stable/arm64 expires at 2026-12-22T12:00:00Z, in 14 days; sign it anew",
  );
});

Deno.test("expiryWarning() counts the day that has begun", () => {
  assert.match(warningAt(END - 1) ?? "", /in 1 day;/);
  assert.match(warningAt(END - DAY_MS - 1) ?? "", /in 2 days;/);
});

Deno.test("expiryWarning() says that it is too late, and since when", () => {
  assert.equal(
    warningAt(END),
    "The manifest of stable/arm64 expired at 2026-12-22T12:00:00Z: clients refuse it; sign it anew",
  );
  assert.match(warningAt(END + DAY_MS - 1) ?? "", /00Z: clients/);
  assert.match(warningAt(END + DAY_MS) ?? "", /00Z, 1 day ago: clients/);
  assert.match(warningAt(END + 17.5 * DAY_MS) ?? "", /00Z, 17 days ago: /);
});
