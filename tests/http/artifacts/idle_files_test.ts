import assert from "node:assert/strict";
import { IdleFiles } from "../../../lib/http/artifacts/idle_files.ts";

Deno.test("IdleFiles keeps the 64 files that most have asked for", () => {
  const idle = new IdleFiles<{ readonly askedCount: number }>();
  const files = Array.from({ length: 64 }, (_, i) => ({ askedCount: 100 - i }));
  for (const file of files) assert.equal(idle.add(file), undefined);
  const seldom = { askedCount: 1 };
  assert.equal(idle.add(seldom), seldom);
  idle.delete(seldom);
  const often = { askedCount: 1000 };
  assert.equal(idle.add(often), files.at(-1));
});
