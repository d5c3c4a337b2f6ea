import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { executables } from "../../tools/compile.ts";
import { DISCOVER_FLAGS, PLASMD_FLAGS } from "../../tools/shipped_flags.ts";

Deno.test("the tasks run the programs with the flags that are shipped", () => {
  const { serve, discover } = config.tasks;
  assert.equal(
    serve.command,
    `deno run ${PLASMD_FLAGS.join(" ")} plasmd.ts serve`,
  );
  assert.equal(
    discover.command,
    `deno run ${DISCOVER_FLAGS.join(" ")} phase_discover.ts`,
  );
});

Deno.test("the executables have the flags that are shipped", () => {
  const made = executables("dist", "dist");
  assert.equal(made.length, 4);
  for (const { args } of made) {
    const isPlasmd = args.at(-1)?.endsWith("plasmd.js");
    const flags = args.slice(
      args.indexOf("--no-config") + 1,
      args.indexOf("--target"),
    );
    assert.deepEqual(flags, isPlasmd ? PLASMD_FLAGS : DISCOVER_FLAGS);
  }
  assert.match(config.tasks.compile.command, /tools\/compile\.ts$/);
});

Deno.test("docs/install.md starts the programs with the flags that are shipped", async () => {
  const page = await Deno.readTextFile(
    new URL("../../docs/install.md", import.meta.url),
  );
  const flags = [
    ...page.matchAll(/^exec deno run --no-config (.*) \S+\.js "\$@"$/gm),
  ]
    .map(([, words]) => words);
  assert.deepEqual(flags, [PLASMD_FLAGS.join(" "), DISCOVER_FLAGS.join(" ")]);
});
