import assert from "node:assert/strict";
import { nearest } from "../../lib/core/nearest.ts";

Deno.test("nearest() finds the word that was meant, and none when nothing is near", () => {
  const words = ["channels", "architectures", "port"];
  assert.equal(nearest("chanels", words), "channels");
  assert.equal(nearest("Port", words), "port");
  assert.equal(nearest("prot", words), "port");
  assert.equal(nearest("zzz", words), undefined);
});
