/**
 * Gives every test a time limit, those that hang in a loop included:
 * `deno test --preload tests/support/time_limit.ts`. A test that takes longer
 * by its nature has a `timeout` of its own.
 */

/** For whatever waits for another process or a guest, on a busy machine. */
const DEFAULT_LIMIT_MS = 120_000;

/** The same `Deno.test`, with a limit where a test has none of its own. */
export function limited(
  test: typeof Deno.test,
  timeout: number,
): typeof Deno.test {
  type Definition = Partial<Deno.TestDefinition>;
  const register = (...args: unknown[]) => {
    const definition: Definition = {};
    for (const argument of args) {
      if (typeof argument === "string") definition.name = argument;
      else if (typeof argument === "function") {
        definition.fn = argument as Deno.TestDefinition["fn"];
      } else Object.assign(definition, argument);
    }
    definition.name ??= definition.fn?.name ?? "";
    definition.timeout ??= timeout;
    test(definition as Deno.TestDefinition);
  };
  return Object.assign(register, test) as typeof Deno.test;
}

Object.assign(Deno, { test: limited(Deno.test, DEFAULT_LIMIT_MS) });
