import assert from "node:assert/strict";
import {
  evaluatePreconditions,
  rangeIsWanted,
} from "../../../lib/net/http1/preconditions.ts";

const ETAG = '"abc"';
const MODIFIED = "Sun, 22 Nov 2026 10:00:00 GMT";
const EARLIER = "Sun, 22 Nov 2026 09:59:59 GMT";
const LATER = "Sun, 22 Nov 2026 10:00:01 GMT";
/** With a fraction of a second, as files have it. */
const VALIDATORS = {
  etag: ETAG,
  modified: {
    timeMs: Date.parse(MODIFIED) + 400,
    nowMs: Date.parse("2026-11-23"),
  },
};

const CASES: readonly (readonly [
  headers: Record<string, string>,
  want: ReturnType<typeof evaluatePreconditions>,
])[] = [
  [{}, "proceed"],
  [{ "if-none-match": ETAG }, "not modified"],
  [{ "if-none-match": `W/${ETAG}` }, "not modified"],
  [{ "if-none-match": `"x", ${ETAG}` }, "not modified"],
  [{ "if-none-match": "*" }, "not modified"],
  [{ "if-none-match": '"x"' }, "proceed"],
  [{ "if-none-match": "abc" }, "proceed"],
  [{ "if-none-match": '"a,"abc' }, "proceed"],
  [{ "if-modified-since": MODIFIED }, "not modified"],
  [{ "if-modified-since": LATER }, "not modified"],
  [{ "if-modified-since": EARLIER }, "proceed"],
  [{ "if-modified-since": "yesterday" }, "proceed"],
  [{ "if-modified-since": "Sunday, 22-Nov-26 10:00:00 GMT" }, "not modified"],
  [{ "if-modified-since": "Sun Nov 22 10:00:00 2026" }, "not modified"],
  // A tag outranks a date (RFC 9110, section 13.2.2).
  [{ "if-none-match": '"x"', "if-modified-since": LATER }, "proceed"],
  [{ "if-match": ETAG }, "proceed"],
  [{ "if-match": "*" }, "proceed"],
  [{ "if-match": '"x"' }, "failed"],
  [{ "if-match": `W/${ETAG}` }, "failed"],
  [{ "if-match": ETAG, "if-unmodified-since": EARLIER }, "proceed"],
  [{ "if-match": ETAG, "if-none-match": ETAG }, "not modified"],
  [{ "if-unmodified-since": EARLIER }, "failed"],
  [{ "if-unmodified-since": MODIFIED }, "proceed"],
  [{ "if-unmodified-since": "never" }, "proceed"],
  // What is no date is ignored, though it could be taken for one.
  [{ "if-modified-since": "Fri, 31 Feb 2028 10:00:00 GMT" }, "proceed"],
  [{ "if-modified-since": "Sun, 22 Nov 2026 99:99:99 GMT" }, "proceed"],
  [{ "if-unmodified-since": "Fri, 31 Feb 2020 10:00:00 GMT" }, "proceed"],
  [{ "if-unmodified-since": "Sun, 01 Nov 2026 99:99:99 GMT" }, "proceed"],
  [{ "if-modified-since": "Sunday, 22-Nov-77 10:00:00 GMT" }, "proceed"],
];

for (const [headers, want] of CASES) {
  Deno.test(`evaluatePreconditions() of ${JSON.stringify(headers)}`, () => {
    assert.equal(evaluatePreconditions(new Headers(headers), VALIDATORS), want);
  });
}

Deno.test("evaluatePreconditions() ignores dates where none is known", () => {
  const headers = new Headers({
    "if-modified-since": LATER,
    "if-unmodified-since": EARLIER,
  });
  assert.equal(evaluatePreconditions(headers, { etag: ETAG }), "proceed");
});

const RANGE_CASES: readonly (readonly [ifRange: string | null, boolean])[] = [
  [null, true],
  [ETAG, true],
  ['"x"', false],
  [`W/${ETAG}`, false],
  [MODIFIED, true],
  [LATER, false],
  [EARLIER, false],
  ["yesterday", false],
  ["Sat, 52 Oct 2026 10:00:00 GMT", false],
  ["Sunday, 22-Nov-26 10:00:00 GMT", true],
  ["", false],
];

for (const [ifRange, want] of RANGE_CASES) {
  Deno.test(`rangeIsWanted() of ${JSON.stringify(ifRange)} is ${want}`, () => {
    assert.equal(rangeIsWanted(ifRange, VALIDATORS), want);
  });
}

Deno.test("rangeIsWanted() trusts no date where none is known", () => {
  assert.equal(rangeIsWanted(MODIFIED, { etag: ETAG }), false);
});
