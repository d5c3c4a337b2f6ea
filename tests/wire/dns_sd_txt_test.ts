import assert from "node:assert/strict";
import { encodeTxt } from "../../lib/wire/dns_sd_txt.ts";

Deno.test("encodeTxt() refuses an attribute over 255 bytes", () => {
  const url = `http://${"x".repeat(240)}/`;
  assert.deepEqual(encodeTxt([["manifest", url]]), {
    ok: false,
    reason: 'TXT attribute "manifest" is 257 bytes long, over 255',
  });
});
