import fc from "fast-check";
import assert from "node:assert/strict";
import {
  formatHttpDate,
  parseHttpDate,
} from "../../../lib/net/http1/http_date.ts";

const TIME_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

// The examples of RFC 9110, section 5.6.7.
for (
  const text of [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ]
) {
  Deno.test(`parseHttpDate() reads ${text}`, () => {
    assert.equal(parseHttpDate(text), TIME_MS);
  });
}

Deno.test("formatHttpDate() writes IMF-fixdate, seconds cut", () => {
  assert.equal(formatHttpDate(TIME_MS + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
});

Deno.test("parseHttpDate() refuses what is no HTTP-date", () => {
  for (
    const text of [
      "",
      "now",
      "1994-11-06T08:49:37Z",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37 CET",
    ]
  ) assert.equal(parseHttpDate(text), undefined, text);
});

Deno.test("parseHttpDate() reads back what formatHttpDate() writes", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e9 }), (seconds) => {
    assert.equal(parseHttpDate(formatHttpDate(seconds * 1000)), seconds * 1000);
  }));
});
