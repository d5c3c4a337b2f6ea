import assert from "node:assert/strict";
import { MUTANTS } from "./mutants.ts";

Deno.test("every check that mutate_checks.ts removes is in the sources, once", async () => {
  const gone: string[] = [];
  for (const { file, check } of MUTANTS) {
    const source = new URL(`../../lib/${file}`, import.meta.url);
    const text = await Deno.readTextFile(source).catch(() => "");
    if (text.split(check).length !== 2) gone.push(`${file}: ${check}`);
  }
  assert.deepEqual(gone, []);
});
