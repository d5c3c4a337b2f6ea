import assert from "node:assert/strict";
import { ARCHITECTURES, CHANNELS } from "../../lib/config/setting_kinds.ts";

Deno.test("CHANNELS and ARCHITECTURES take the example that they show, and what a shell offers", () => {
  for (const { example, completes, parse } of [CHANNELS, ARCHITECTURES]) {
    const shown: string[] = JSON.parse(example);
    assert.deepEqual(shown, completes);
    for (const value of shown) {
      assert.deepEqual(parse(value), { ok: true, value });
    }
  }
});
