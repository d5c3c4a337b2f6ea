import assert from "node:assert/strict";
import { findTrustDocument } from "../../../lib/http/artifacts/trust_document.ts";

const first = new TextEncoder().encode("{}");
const second = new TextEncoder().encode("[]");
const DOCUMENTS = new Map([[1, first], [2, second]]);

Deno.test("findTrustDocument() finds a document by its number", () => {
  assert.deepEqual(findTrustDocument(DOCUMENTS, "2.json"), {
    ok: true,
    value: second,
  });
});

for (
  const file of [
    "3.json",
    "2",
    "2.JSON",
    "+1.json",
    "1e0.json",
    "2.json.json",
    "",
  ]
) {
  Deno.test(`findTrustDocument() of "${file}" says which there are`, () => {
    assert.deepEqual(findTrustDocument(DOCUMENTS, file), {
      ok: false,
      reason: "No such trust document: there is /trust/1.json, /trust/2.json",
    });
  });
}

Deno.test("findTrustDocument() among none says so", () => {
  assert.deepEqual(findTrustDocument(new Map(), "1.json"), {
    ok: false,
    reason: "No such trust document: there is none",
  });
});
