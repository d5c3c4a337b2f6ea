/**
 * The programs as their users run them, for every test, benchmark and
 * simulation that starts one: the files of `deno task bundle`, with the flags
 * of the tasks and the executables. `PLASM_TEST_SOURCE=1` runs the source
 * instead, with every permission.
 */
import { fileURLToPath } from "node:url";
import { DISCOVER_FLAGS, PLASMD_FLAGS } from "../../tools/shipped_flags.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCES = [
  "lib",
  "tools",
  "plasmd.ts",
  "phase_discover.ts",
  "deno.json",
  "deno.lock",
];
const FLAGS = { plasmd: PLASMD_FLAGS, phase_discover: DISCOVER_FLAGS };

/** A program of ours. */
export type ProgramName = keyof typeof FLAGS;

/** Whether the source is run instead of what is shipped. */
export const runsSource = Deno.env.get("PLASM_TEST_SOURCE") === "1";

/**
 * The command that starts a program; its own arguments come behind.
 *
 * @param options.directory another one that `deno task bundle` wrote to
 */
export function programCommand(
  program: ProgramName,
  { directory }: { readonly directory?: string } = {},
): [string, ...string[]] {
  if (runsSource && directory === undefined) {
    const file = `${ROOT}${program}.ts`;
    return [Deno.execPath(), "run", "-A", "--no-prompt", file];
  }
  const file = `${directory ?? `${ROOT}dist`}/${program}.js`;
  return [Deno.execPath(), "run", "--no-config", ...FLAGS[program], file];
}

/** The same for a shell, quoted. */
export function programInShell(program: ProgramName): string {
  return programCommand(program).map((word) =>
    `'${word.replaceAll("'", "'\\''")}'`
  ).join(" ");
}

/**
 * Makes `dist/` anew where a source is younger. Test files run side by side:
 * one of them does it, the others wait.
 */
async function bundleWhereStale(): Promise<void> {
  await Deno.mkdir(`${ROOT}dist`, { recursive: true });
  using lock = await Deno.open(`${ROOT}dist/.lock`, {
    create: true,
    write: true,
  });
  await lock.lock(true);
  const madeMs = Math.min(
    ...Object.keys(FLAGS).map((name) => changedMs(`${ROOT}dist/${name}.js`)),
  );
  if (Math.max(...SOURCES.map((path) => newestMs(ROOT + path))) <= madeMs) {
    return;
  }
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "bundle"],
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
  }).output();
  if (success) return;
  throw new Error(
    `deno task bundle failed: ${new TextDecoder().decode(stderr)}`,
  );
}

/** 0 for a file that does not exist. */
function changedMs(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

function newestMs(path: string): number {
  if (!Deno.statSync(path).isDirectory) return changedMs(path);
  const entries = [...Deno.readDirSync(path)];
  return Math.max(
    changedMs(path),
    ...entries.map(({ name }) => newestMs(`${path}/${name}`)),
  );
}

if (!runsSource) await bundleWhereStale();
