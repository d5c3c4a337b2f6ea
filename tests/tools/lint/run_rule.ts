import assert from "node:assert/strict";
import plugin from "./mod.ts";

/**
 * What a rule says of a module at a path of the project. Works in `deno test`
 * only.
 */
export function runRule(rule: string, path: string, source: string): string[] {
  assert.ok(rule in plugin.rules, rule);
  return Deno.lint.runPlugin(plugin, `/project/${path}`, source)
    .filter(({ id }) => id === `house/${rule}`)
    .map(({ message }) => message);
}

/** A path below lib/, and the text of a module there. */
export type Module = readonly [path: string, source: string];

/** Asserts that a rule complains once of each that was planted, and else not. */
export function assertRule(
  rule: string,
  { planted, allowed }: {
    readonly planted: readonly Module[];
    readonly allowed: readonly Module[];
  },
): void {
  for (const [path, source] of planted) {
    const said = runRule(rule, `lib/${path}`, source);
    assert.equal(said.length, 1, `${path}: ${source}: ${said}`);
  }
  for (const [path, source] of allowed) {
    const said = runRule(rule, `lib/${path}`, source);
    assert.deepEqual(said, [], `${path}: ${source}`);
  }
}
