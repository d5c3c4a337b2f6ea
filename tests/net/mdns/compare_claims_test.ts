import assert from "node:assert/strict";
import { compareClaims } from "../../../lib/net/mdns/compare_claims.ts";
import { addressRecord } from "../../support/mdns_messages.ts";

const HOST = "lab.local";
const A1 = addressRecord(HOST, "10.0.0.1");
const A2 = addressRecord(HOST, "10.0.0.2");
const V6 = addressRecord(HOST, "fd77::1");

Deno.test("compareClaims() decides the example of RFC 6762 section 8.2.1", () => {
  const [mine, theirs] = [
    addressRecord("MyPrinter.local", "169.254.99.200"),
    addressRecord("MyPrinter.local", "169.254.200.50"),
  ];
  assert.ok(compareClaims([mine], [theirs]) < 0);
  assert.ok(compareClaims([theirs], [mine]) > 0);
  assert.equal(compareClaims([mine], [mine]), 0);
});

Deno.test("compareClaims() goes by type first, then data, then number of records", () => {
  assert.ok(compareClaims([V6], [A2]) > 0, "AAAA is a higher type than A");
  assert.ok(compareClaims([A1, V6], [A2]) < 0, "the first difference decides");
  assert.ok(compareClaims([A1, A2], [A1]) > 0, "more records win");
  assert.ok(compareClaims([A1], [A2, A1]) < 0, "in whatever order");
});
