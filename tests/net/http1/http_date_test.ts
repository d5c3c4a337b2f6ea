import fc from "fast-check";
import assert from "node:assert/strict";
import {
  formatHttpDate,
  parseHttpDate,
} from "../../../lib/net/http1/http_date.ts";

const TIME_MS = Date.UTC(1994, 10, 6, 8, 49, 37);
const NOW = { nowMs: Date.UTC(2026, 10, 22, 12) };

// The examples of RFC 9110, section 5.6.7.
for (
  const text of [
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ]
) {
  Deno.test(`parseHttpDate() reads ${text}`, () => {
    assert.equal(parseHttpDate(text, NOW), TIME_MS);
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
      "sun, 06 nov 1994 08:49:37 gmt",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun,  06 Nov 1994 08:49:37 GMT",
      "Xyz, 06 Nov 1994 08:49:37 GMT",
      "Someday, 06-Nov-94 08:49:37 GMT",
      "Sun, 06-Nov-94 08:49:37 GMT",
      // Days that there are not.
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 31 Feb 2026 08:49:37 GMT",
      "Sun, 29 Feb 2026 08:49:37 GMT",
      "Thu, 29 Feb 1900 08:49:37 GMT",
      "Sun, 31 Nov 1994 08:49:37 GMT",
      "Sun, 99 Nov 1994 08:49:37 GMT",
      "Sunday, 31-Feb-94 08:49:37 GMT",
      "Sunday, 29-Feb-26 08:49:37 GMT",
      "Sun Feb 31 08:49:37 1994",
      "Sun Nov  0 08:49:37 1994",
      // Times that there are not.
      "Sun, 06 Nov 1994 99:99:99 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:60 GMT",
      "Sun, 06 Nov 1994 23:59:61 GMT",
      "Sunday, 06-Nov-94 24:49:37 GMT",
      "Sun Nov  6 08:99:37 1994",
    ]
  ) assert.equal(parseHttpDate(text, NOW), undefined, text);
});

Deno.test("parseHttpDate() reads days and seconds that there seldom are", () => {
  for (
    const [text, iso] of [
      ["Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00Z"],
      ["Tue, 29 Feb 2000 23:59:59 GMT", "2000-02-29T23:59:59Z"],
      // A leap second is the first of the next day for all who have none.
      ["Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z"],
      ["Saturday, 31-Dec-16 23:59:60 GMT", "2017-01-01T00:00:00Z"],
      // The day of the week is known from the date.
      ["Mon, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"],
      ["Sat, 01 Jan 0099 00:00:00 GMT", "0099-01-01T00:00:00Z"],
    ] as const
  ) assert.equal(parseHttpDate(text, NOW), Date.parse(iso), text);
});

Deno.test("parseHttpDate() takes a year of two digits for none beyond 50 years from now", () => {
  for (
    const [now, date, iso] of [
      ["2026-11-22T12:00:00Z", "22-Nov-26", "2026-11-22"],
      ["2026-11-22T12:00:00Z", "01-Jan-27", "2027-01-01"],
      ["2026-11-22T12:00:00Z", "22-Nov-76", "2076-11-22"],
      ["2026-11-22T12:00:00Z", "23-Nov-76", "1976-11-23"],
      ["2026-11-22T12:00:00Z", "01-Jan-77", "1977-01-01"],
      ["2026-11-22T12:00:00Z", "06-Nov-94", "1994-11-06"],
      ["2026-11-22T12:00:00Z", "01-Jan-00", "2000-01-01"],
      ["2060-06-01T00:00:00Z", "01-Jan-09", "2109-01-01"],
      ["2060-06-01T00:00:00Z", "01-Jan-11", "2011-01-01"],
      ["2060-06-01T00:00:00Z", "01-Jan-59", "2059-01-01"],
      // 2100 is no leap year, 2000 was one.
      ["2055-01-01T00:00:00Z", "29-Feb-00", "2000-02-29"],
    ] as const
  ) {
    assert.equal(
      parseHttpDate(`Sunday, ${date} 00:00:00 GMT`, {
        nowMs: Date.parse(now),
      }),
      Date.parse(`${iso}T00:00:00Z`),
      `${date} in ${now}`,
    );
  }
});

Deno.test("parseHttpDate() reads back what formatHttpDate() writes", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e9 }), (seconds) => {
    const text = formatHttpDate(seconds * 1000);
    assert.equal(parseHttpDate(text, NOW), seconds * 1000);
  }));
});
