import assert from "node:assert/strict";
import { decodeBase64 } from "../../lib/core/base64.ts";

Deno.test("decodeBase64() accepts one spelling only", () => {
  assert.deepEqual(decodeBase64("AQI="), Uint8Array.of(1, 2));
  for (const text of ["AQI", "AQJ=", "AQ I=", "AQI=\n", "-_8=", "AQI=="]) {
    assert.equal(decodeBase64(text), undefined, text);
  }
});
