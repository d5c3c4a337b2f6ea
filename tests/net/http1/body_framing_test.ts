import assert from "node:assert/strict";
import { readBodyFraming } from "../../../lib/net/http1/body_framing.ts";

const LENGTH = "content-length";
const CODING = "transfer-encoding";

for (
  const [headers, expected] of [
    [[], { kind: "none" }],
    [[["x", "1"]], { kind: "none" }],
    [[[LENGTH, "0"]], { kind: "length", lengthBytes: 0 }],
    [[[LENGTH, "007"]], { kind: "length", lengthBytes: 7 }],
    [[[LENGTH, "9".repeat(15)]], {
      kind: "length",
      lengthBytes: 999_999_999_999_999,
    }],
    [[[CODING, "Chunked"]], { kind: "chunked" }],
    [[[LENGTH, "9".repeat(16)]], "no number"],
    [[[LENGTH, "+1"]], "no number"],
    [[[LENGTH, "1, 1"]], "no number"],
    [[[LENGTH, ""]], "no number"],
    [[[LENGTH, "1"], [LENGTH, "2"]], "two lengths"],
    [[[LENGTH, "1"], [CODING, "chunked"]], "length and coding"],
    [[[CODING, "gzip, chunked"]], "unknown coding"],
    [[[CODING, "x;a=b"], [CODING, "CHUNKED"]], "unknown coding"],
    [[[CODING, "gzip"]], "unknown coding"],
    [[[CODING, "chunked;a=b"]], "unknown coding"],
    [[[CODING, "chunked, gzip"]], "chunked not last"],
    [[[CODING, "Chunked"], [CODING, "identity"]], "chunked not last"],
    [[[CODING, "chunked"], [CODING, "chunked"]], "chunked not last"],
    [[[CODING, "chunked\t, chunked"]], "chunked not last"],
    [[[CODING, "chunked;a, gzip"]], "chunked not last"],
    [[[CODING, ""]], "malformed coding"],
    [[[CODING, "chunked,"]], "malformed coding"],
    [[[CODING, ",chunked"]], "malformed coding"],
    [[[CODING, "chunked gzip"]], "malformed coding"],
    [[[CODING, '"chunked"']], "malformed coding"],
  ] as const
) {
  Deno.test(`readBodyFraming() of ${JSON.stringify(headers)}`, () => {
    for (const repeatedLength of [true, false]) {
      assert.deepEqual(readBodyFraming(headers, { repeatedLength }), expected);
    }
  });
}

Deno.test("readBodyFraming() takes a length said twice only where it may be", () => {
  const headers = [[LENGTH, "3"], [LENGTH, "3"]] as const;
  assert.deepEqual(readBodyFraming(headers, { repeatedLength: true }), {
    kind: "length",
    lengthBytes: 3,
  });
  assert.equal(
    readBodyFraming(headers, { repeatedLength: false }),
    "two lengths",
  );
});
