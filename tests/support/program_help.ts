import assert from "node:assert/strict";
import { renderHelp } from "../../lib/config/command_help.ts";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import type { Program } from "../../lib/config/option_table.ts";

/** Stands for the one that is cut short in examples. */
export const PEER = "12D3KooWGRUxZ5jZ2uGi5n1cDkQf7EJ1FkXb7mYq2wCkVvH4r9sT";

/** Tests what a program says of itself: each help text, and its examples. */
export function testHelp(program: Program): void {
  const { commands, groups = {} } = program;
  Deno.test(`${program.name} --help, for each command`, async (t) => {
    const names = new Set([
      "",
      ...Object.keys(groups),
      ...Object.keys(commands),
    ]);
    for (const name of names) {
      await t.step(`${program.name} ${name}`, async (t) => {
        await t.assertSnapshot(renderHelp(program, name));
      });
    }
  });

  Deno.test(`${program.name} takes the examples of its help`, () => {
    for (const { examples = [] } of Object.values(commands)) {
      for (const example of examples) {
        const argv = example.replace("12D3KooW...", PEER)
          .replace(/^source <\((.*)\)$/, "$1").split(" ").slice(1);
        const invocation = parseCommandLine(argv, program);
        assert.equal(invocation.kind, "run", example);
      }
    }
  });
}
