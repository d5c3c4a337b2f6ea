/**
 * Walks are documents whose commands are run as they stand, with the clock
 * moved from heading to heading by libfaketime: the programs are the shipped
 * ones, and know nothing of it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fakeClock } from "./faketime.ts";
import type { LabHost } from "./network_lab.ts";
import { temporaryDirectory } from "./programs.ts";
import { programInShell, type ProgramName } from "./shipped_programs.ts";

/** Commands of a walk, and what they say. */
export interface WalkStep {
  /** Days since the beginning. */
  readonly day: number;
  /** For bash. */
  readonly commands: string;
  /** Lines of the output in their order, with `...` for any text. */
  readonly says: readonly string[];
}

/**
 * Reads a walk: headings such as `## Day 31`, fenced `bash`, and the fenced
 * `text` behind it that it says.
 */
export function readWalk(markdown: string): WalkStep[] {
  const steps: WalkStep[] = [];
  let day: number | undefined;
  const parts = markdown.matchAll(
    /^## Day (\d+)|^```(\w*)\n([\s\S]*?)\n```$/gm,
  );
  for (const [, number, language, text = ""] of parts) {
    if (number !== undefined) {
      assert.ok(Number(number) >= (day ?? 0), `day ${number} is over`);
      day = Number(number);
    } else if (language === "bash") {
      assert.ok(day !== undefined, `before the first day:\n${text}`);
      steps.push({ day, commands: text, says: [] });
    } else {
      const last = steps.pop();
      assert.ok(language === "text" && last?.says.length === 0, text);
      steps.push({ ...last, says: text.split("\n") });
    }
  }
  return steps;
}

/** The lines that an output lacks, each of which comes after the one before. */
export function missingLines(
  output: readonly string[],
  says: readonly string[],
): string[] {
  let from = 0;
  return says.filter((said) => {
    const at = output.findIndex((line, i) => i >= from && isSaid(line, said));
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

function isSaid(line: string, said: string): boolean {
  const parts = said.split("...").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`).test(line);
}

/** A step may look for an image several times on a busy machine. */
const STEP_LIMIT_MS = 120_000;

/**
 * Runs a walk on a host of its own, and holds each step to what it says. What
 * `plasmd.log` warns of must all be named in the walk.
 */
export async function runWalk(
  host: LabHost,
  faketime: string,
  steps: readonly WalkStep[],
): Promise<void> {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await writePrograms(at("bin"));
  const moveTo = async (day: number) => {
    await Deno.writeTextFile(at("clock.new"), `+${day}d`);
    await Deno.rename(at("clock.new"), at("clock"));
  };
  await moveTo(0);
  await using shell = host.start(
    ..."unshare --fork --pid --kill-child env -C".split(" ") as [string],
    directory.path,
    `PATH=${at("bin")}:${Deno.env.get("PATH")}`,
    ...["NO_COLOR=1", "DENO_NO_UPDATE_CHECK=1"],
    ...Object.entries(fakeClock(faketime, at("clock")))
      .map(([name, value]) => `${name}=${value}`),
    "bash",
  );
  await shell.tell("exec 2>&1; set -e; trap 'echo \"@$step failed\"' EXIT");
  let today = 0;
  for (const [index, { day, commands, says }] of steps.entries()) {
    if (day > today) {
      await moveTo(day);
      // A provider looks every 30 s. A file that comes makes it look at once,
      // and what it warns of then is said 2 s later.
      await Deno.writeTextFile(at("images/.moved"), "");
      await new Promise((resolve) => setTimeout(resolve, 4000));
      today = day;
    }
    const first = shell.lines.length;
    await Deno.writeTextFile(at("step"), commands);
    await shell.tell(`step=${index}; . ./step < /dev/null; echo "@$step done"`);
    const end = await shell.line(`@${index} `, STEP_LIMIT_MS);
    const output = shell.lines.slice(first);
    const all = `day ${day}:\n${commands}\n\n${output.join("\n")}`;
    assert.match(end, /done$/, all);
    assert.deepEqual(missingLines(output, says), [], all);
  }
  const expected = steps.flatMap(({ says }) => says);
  const log = (await Deno.readTextFile(at("plasmd.log"))).split("\n");
  assert.deepEqual(
    log.filter((line) =>
      /^(WARN|ERROR) /.test(line) &&
      !expected.some((said) => isSaid(line, said))
    ),
    [],
    "it warns of what the walk does not name",
  );
}

/** Both programs, as they are shipped, under the names that users type. */
async function writePrograms(directory: string): Promise<void> {
  await Deno.mkdir(directory);
  for (const name of ["plasmd", "phase_discover"] satisfies ProgramName[]) {
    await Deno.writeTextFile(
      join(directory, name),
      `#!/bin/sh\nexec ${programInShell(name)} "$@"\n`,
      { mode: 0o755 },
    );
  }
}
