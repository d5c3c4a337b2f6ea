/**
 * Shows that the attack tests can fail: removes one check after the other
 * from a copy of the sources and runs the tests of the attack it stops.
 *
 *     deno run -A tests/tools/mutate_checks.ts [FILE]
 *
 * FILE, such as `net/dht`, leaves all checks out that are not in it. Prints a
 * line for each, and exits with 1 when a test did not notice, or only by
 * hanging.
 */

import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

const ATTACKS = [
  "manifest/tuf_attacks_test.ts",
  "manifest/envelope_attacks_test.ts",
];

/** A test that takes as long as this hangs. */
const LIMIT_MS = 60_000;

/** Copies what the tests need, and nothing that they could spoil. */
async function copySources(directory: string): Promise<void> {
  const root = new URL("../../", import.meta.url).pathname;
  const { success } = await new Deno.Command("cp", {
    args: [
      ...["-R", "lib", "tests", "tools", "plasmd.ts", "phase_discover.ts"],
      ...["deno.json", "deno.lock", directory],
    ],
    cwd: root,
  }).output();
  if (!success) throw new Error(`Cannot copy the sources to "${directory}"`);
}

/**
 * Runs the tests of an attack.
 *
 * @returns what those that failed saw in place of a refusal, or undefined
 * when none failed
 * @throws DOMException that is a TimeoutError when they hang
 */
async function failureOf(
  directory: string,
  attack: string,
  tests: readonly string[],
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-A", "--no-check", "--quiet", "--filter", attack],
      ...tests.map((path) => `tests/${path}`),
    ],
    cwd: directory,
    env: { NO_COLOR: "1", PLASM_TEST_SOURCE: "1" },
    signal,
  }).output();
  signal.throwIfAborted();
  const report = new TextDecoder().decode(stdout);
  if (/\b0 passed/.test(report) && success) {
    throw new Error(`There is no test "${attack}"`);
  }
  if (success) return undefined;
  // A program that no longer starts has not been tested.
  if (!/ \.\.\. FAILED/.test(report)) {
    throw new Error(new TextDecoder().decode(stderr) || report);
  }
  return /^\+ '(\w+)'/m.exec(report)?.[1] ?? "another outcome";
}

/** @returns whether the tests fail, and what is to be said of it */
async function tryMutant(
  directory: string,
  mutant: Mutant,
): Promise<[isNoticed: boolean, verdict: string]> {
  const { attack, tests = ATTACKS } = mutant;
  try {
    const saw = await withMutant(
      directory,
      mutant,
      () => failureOf(directory, attack, tests),
    );
    return saw === undefined
      ? [false, "NOT NOTICED"]
      : [true, `noticed (${saw})`];
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return [false, "HANGS"];
  }
}

async function withMutant<T>(
  directory: string,
  { file, check, removed }: Mutant,
  run: () => Promise<T>,
): Promise<T> {
  const path = `${directory}/lib/${file}`;
  const source = await Deno.readTextFile(path);
  if (source.split(check).length !== 2) {
    throw new Error(`lib/${file} does not have once: ${check}`);
  }
  await Deno.writeTextFile(path, source.replace(check, () => removed));
  try {
    return await run();
  } finally {
    await Deno.writeTextFile(path, source);
  }
}

async function main(file: string): Promise<number> {
  const print = (line: string) =>
    Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
  const mutants = MUTANTS.filter((mutant) => mutant.file.startsWith(file));
  const tests = new Set(mutants.flatMap((mutant) => mutant.tests ?? ATTACKS));
  const directory = await Deno.makeTempDir();
  let noticed = 0;
  try {
    await copySources(directory);
    if (await failureOf(directory, "", [...tests]) !== undefined) {
      throw new Error("The attack tests fail before anything is removed");
    }
    for (const mutant of mutants) {
      const [isNoticed, verdict] = await tryMutant(directory, mutant);
      if (isNoticed) noticed++;
      await print(
        `${verdict}  ${mutant.attack}  lib/${mutant.file}: ${mutant.check}`,
      );
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  await print(`${noticed} of ${mutants.length} noticed`);
  return noticed === mutants.length ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args[0] ?? ""));
