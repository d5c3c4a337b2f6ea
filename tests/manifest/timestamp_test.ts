import assert from "node:assert/strict";
import {
  formatTimestamp,
  parseTimestamp,
} from "../../lib/manifest/timestamp.ts";

Deno.test("formatTimestamp() writes whole seconds in UTC", () => {
  assert.equal(formatTimestamp(0), "1970-01-01T00:00:00Z");
  assert.equal(
    formatTimestamp(Date.UTC(2026, 10, 22, 12, 0, 0, 999)),
    "2026-11-22T12:00:00Z",
  );
});

Deno.test("parseTimestamp() reads what formatTimestamp() writes, and fractions", () => {
  const noon = Date.UTC(2026, 10, 22, 12);
  assert.equal(parseTimestamp("2026-11-22T12:00:00Z"), noon);
  assert.equal(parseTimestamp("2026-11-22T12:00:00.250Z"), noon + 250);
});

Deno.test("parseTimestamp() refuses other forms and days that do not exist", () => {
  const refused = [
    "",
    "2026-11-22",
    "2026-11-22T12:00:00",
    "2026-11-22T12:00:00+01:00",
    "2026-11-22 12:00:00Z",
    "+002026-11-22T12:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "2026-11-22T24:00:00Z",
    "2026-11-22T25:00:00Z",
    "2026-11-22T12:00:00Z\n",
  ];
  for (const text of refused) {
    assert.equal(parseTimestamp(text), undefined, text);
  }
});
