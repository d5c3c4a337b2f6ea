/**
 * Runs the commands of a page as they stand, with the shipped programs, on a
 * machine that is only there for it: a network namespace, an empty directory,
 * and `/etc`, `/run`, `/srv` and `/var` whose changes nobody else sees.
 * Headings such as `## Day 31` move the clock, by libfaketime: the programs
 * know nothing of it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fakeClock } from "./faketime.ts";
import { type LabProgram, until } from "./lab_program.ts";
import type { LabHost } from "./network_lab.ts";
import { type PageStep, ROOT } from "./pages.ts";
import { temporaryDirectory } from "./programs.ts";
import { programInShell, type ProgramName } from "./shipped_programs.ts";

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
  // Columns are as wide as what is in them; a console ends lines by CR LF.
  const narrow = (text: string) => text.replace(/\r$/, "").replace(/ +/g, " ");
  const parts = narrow(said).split("...").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`).test(narrow(line));
}

/** A step may look for an image several times on a busy machine. */
const STEP_LIMIT_MS = 120_000;

/** Where a page may write what the machine of the test must not keep. */
const WRITABLE = ["/etc", "/run", "/srv", "/var"];

/** What lies in the directory of a page: an image that does not boot. */
const SAMPLE_FILES = ["vmlinuz", "initramfs.img"];

/**
 * Runs a page on a host of its own, and holds each step to what it says. What
 * a `plasmd.log` warns of must all be named in the page.
 *
 * @param faketime needed by pages that have days
 */
export async function runPage(
  host: LabHost,
  steps: readonly PageStep[],
  faketime?: string,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await writePrograms(at(".bin"));
  await Deno.mkdir(at(".home"));
  await Deno.mkdir(at(".steps"));
  for (const name of SAMPLE_FILES) {
    await Deno.writeTextFile(at(name), `a sample ${name}`);
  }
  await Deno.symlink(`${ROOT}examples`, at("examples"));
  const clock = steps.some(({ day }) => day > 0)
    ? fakeClock(faketime ?? assert.fail("no libfaketime"), at(".clock"))
    : {};
  const moveTo = async (day: number) => {
    await Deno.writeTextFile(at(".clock.new"), `+${day}d`);
    await Deno.rename(at(".clock.new"), at(".clock"));
  };
  await moveTo(0);
  await using shell = host.start(
    ..."unshare --fork --pid --mount --kill-child env -C".split(" ") as [
      string,
    ],
    directory.path,
    `PATH=${at(".bin")}:${Deno.env.get("PATH")}`,
    `HOME=${at(".home")}`,
    `steps=${at(".steps")}`,
    `DENO_DIR=${denoDirectory()}`,
    ...["NO_COLOR=1", "DENO_NO_UPDATE_CHECK=1"],
    ...Object.entries(clock).map(([name, value]) => `${name}=${value}`),
    "bash",
  );
  await shell.tell(`exec 2>&1; set -e; ${ownDirectories()}`);
  await shell.tell("trap 'echo \"@$step failed\"' EXIT");
  let today = 0;
  for (const [index, step] of steps.entries()) {
    if (step.kind === "elsewhere") continue;
    if (step.day > today) {
      today = step.day;
      await moveTo(today);
      // A provider looks every 30 s. A file that comes makes it look at once,
      // and what it warns of then is said 2 s later.
      await Deno.writeTextFile(at("images/.moved"), "");
      await new Promise((resolve) => setTimeout(resolve, 4000));
    }
    const { kind, commands } = step;
    const file = kind === "stays" ? `${commands} < /dev/null &` : commands;
    await Deno.writeTextFile(at(`.steps/${index}`), file);
    await runStep(shell, index, step);
  }
  await checkWarnings(at("plasmd.log"), steps);
}

/** Commands that put a layer of the shell's own over what it may write. */
function ownDirectories(): string {
  const layers = WRITABLE.map((path) => {
    const layer = `.layers${path}`;
    return `mkdir -p ${layer}/upper ${layer}/work; mount -t overlay overlay ` +
      `-o lowerdir=${path},upperdir=${layer}/upper,workdir=${layer}/work ${path}`;
  });
  return ["mkdir .layers; mount -t tmpfs none .layers", ...layers].join("; ");
}

async function runStep(
  shell: LabProgram,
  index: number,
  { line, day, kind, commands, says }: PageStep,
): Promise<void> {
  const first = shell.lines.length;
  const output = () => shell.lines.slice(first);
  const all = () =>
    `line ${line}, day ${day}:\n${commands}\n\n${output().join("\n")}`;
  if (kind === "stays") {
    await shell.tell(`step=${index}; . "$steps/${index}"`);
    const ended = `@${index} ended`;
    await until("it says what it should", async () => {
      await shell.tell(`kill -0 $! 2> /dev/null || echo "${ended}"`);
      return missingLines(output(), says).length === 0 ||
        output().includes(ended);
    }, STEP_LIMIT_MS).catch(() => {}); // what is missing is said below
    assert.ok(!output().includes(ended), all());
  } else {
    await shell.tell(
      `step=${index}; . "$steps/${index}" < /dev/null; echo "@$step done"`,
    );
    const end = await shell.line(`@${index} `, STEP_LIMIT_MS);
    assert.match(end, /done$/, all());
  }
  assert.deepEqual(missingLines(output(), says), [], all());
}

async function checkWarnings(
  logFile: string,
  steps: readonly PageStep[],
): Promise<void> {
  const expected = steps.flatMap(({ says }) => says);
  const log = await Deno.readTextFile(logFile).catch(() => "");
  assert.deepEqual(
    log.split("\n").filter((line) =>
      /^(WARN|ERROR) /.test(line) &&
      !expected.some((said) => isSaid(line, said))
    ),
    [],
    "it warns of what the page does not name",
  );
}

/** Where packages lie already, since a page has no network to load them. */
function denoDirectory(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
}

/** The programs, under the names that users type. */
async function writePrograms(directory: string): Promise<void> {
  await Deno.mkdir(directory);
  const write = (name: string, command: string) =>
    Deno.writeTextFile(join(directory, name), `#!/bin/sh\n${command}\n`, {
      mode: 0o755,
    });
  for (const name of ["plasmd", "phase_discover"] satisfies ProgramName[]) {
    await write(name, `exec ${programInShell(name)} "$@"`);
  }
  // Both are run in a copy of the repository, which is this one.
  await write("deno", `cd '${ROOT}' && exec '${Deno.execPath()}' "$@"`);
  await write(
    "npx",
    `[ "$1 $2" = "-y deno@2.9.5" ] || { echo "npx $*: not the Deno that the documents name"; exit 64; }\n` +
      `shift 2; exec deno "$@"`,
  );
}
