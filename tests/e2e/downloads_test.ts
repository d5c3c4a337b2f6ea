import assert from "node:assert/strict";
import { downloadUnderChange } from "../soak/downloads.ts";

/** `deno task soak:downloads` makes ten times as many. */
const DOWNLOADS = 800;

Deno.test(`${DOWNLOADS} downloads while files are touched, copied, overwritten and mounted over: each has its hash, and none is 404`, async () => {
  const report = await downloadUnderChange(DOWNLOADS);
  const text = JSON.stringify(report);
  assert.deepEqual(report.problems, [], text);
  assert.ok(report.downloads >= DOWNLOADS, text);
  assert.ok(report.ranges > DOWNLOADS / 4, text);
  assert.ok(report.unavailable > 0, text);
  assert.ok((report.changes.settle ?? 0) > 0, text);
});
