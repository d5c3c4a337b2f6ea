import assert from "node:assert/strict";
import { SystemLimitError } from "../../lib/core/file_system.ts";
import { orReason } from "../../lib/core/or_reason.ts";
import { ok, refuse } from "../../lib/core/result.ts";

Deno.test("orReason() gives what a look found, or why it found nothing", async () => {
  assert.deepEqual(await orReason(Promise.resolve(7)), ok(7));
  const broken = Promise.reject(new Error("Cannot list", { cause: "EIO" }));
  assert.deepEqual(await orReason(broken), refuse("Cannot list: EIO"));
});

Deno.test("orReason() takes no want of descriptors for a reason", async () => {
  const limit = new SystemLimitError("too many are open");
  await assert.rejects(orReason(Promise.reject(limit)), limit);
});
