import assert from "node:assert/strict";
import { limited } from "./time_limit.ts";

Deno.test("a test has a time limit, its own where it names one", () => {
  const registered: Deno.TestDefinition[] = [];
  const record = (definition: Deno.TestDefinition) => {
    registered.push(definition);
  };
  const test = limited(record as typeof Deno.test, 1000);
  test("by name", () => {});
  test("with options", { ignore: true }, () => {});
  test({ name: "as an object", timeout: 5, fn: () => {} });
  test(function named() {});
  assert.deepEqual(
    registered.map(({ name, timeout, ignore }) => [name, timeout, ignore]),
    [
      ["by name", 1000, undefined],
      ["with options", 1000, true],
      ["as an object", 5, undefined],
      ["named", 1000, undefined],
    ],
  );
});

Deno.test("a test that hangs in a loop fails at its limit", async () => {
  const file = await Deno.makeTempFile({ suffix: "_test.ts" });
  const preload = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const limit = new URL("./time_limit.ts", import.meta.url);
    await Deno.writeTextFile(
      preload,
      `import { limited } from "${limit}";\nDeno.test = limited(Deno.test, 300);`,
    );
    await Deno.writeTextFile(file, `Deno.test("hangs", () => { for (;;); });`);
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--no-config", "--preload", preload, file],
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stderr: "null",
    }).output();
    assert.equal(success, false);
    assert.match(new TextDecoder().decode(stdout), /timed out after 300ms/);
  } finally {
    await Deno.remove(file);
    await Deno.remove(preload);
  }
});
