/**
 * `deno task compile`: both programs as executables in `dist/`, or in the
 * directory that is named, made of the single files of `deno task bundle`.
 */
import { basename, dirname, join } from "node:path";
import { RELEASED_AT_MS } from "../lib/core/version.ts";
import { DISCOVER_FLAGS, PLASMD_FLAGS } from "./shipped_flags.ts";

/** By target, the machine that its ELF header names (e_machine). */
const TARGETS = {
  "x86_64-unknown-linux-gnu": 62,
  "aarch64-unknown-linux-gnu": 183,
} as const;
const PROGRAMS = [
  { program: "plasmd", flags: PLASMD_FLAGS },
  { program: "phase_discover", flags: DISCOVER_FLAGS },
];

/** An executable, and how Deno makes it. */
export interface Executable {
  /** Such as `plasmd-x86_64-unknown-linux-gnu`. */
  readonly name: string;
  /** The architecture and system that it is for. */
  readonly target: keyof typeof TARGETS;
  /** The arguments of `deno`. */
  readonly args: readonly string[];
}

/**
 * @param bundles the directory that has the bundles
 * @param directory gets the executables
 */
export function executables(bundles: string, directory: string): Executable[] {
  return (Object.keys(TARGETS) as (keyof typeof TARGETS)[]).flatMap((target) =>
    PROGRAMS.map(({ program, flags }) => ({
      name: `${program}-${target}`,
      target,
      args: [
        // The configuration of the directory it is started in is nobody's.
        ...["compile", "--quiet", "--no-config", ...flags],
        ...["--target", target],
        ...["--output", join(directory, `${program}-${target}`)],
        join(bundles, `${program}.js`),
      ],
    }))
  );
}

/** What became of the executables. */
export interface Compiled {
  /** Names of those that were made, and run on their targets. */
  readonly names: readonly string[];
  /** Names of those in which DENORT_BIN is for another machine. */
  readonly foreign: readonly string[];
  /** Why others were not, a line for each target, with the next step. */
  readonly problems: readonly string[];
}

/**
 * Makes the executables of every target whose runtime (denort) can be had.
 *
 * @param directory has the bundles, and gets the executables
 */
export async function compilePrograms(directory: string): Promise<Compiled> {
  const names: string[] = [];
  const foreign: string[] = [];
  const problems = new Map<string, string>();
  const bundles = await Deno.makeTempDir();
  try {
    for (const { program } of PROGRAMS) {
      const path = join(bundles, `${program}.js`);
      await Deno.copyFile(join(directory, `${program}.js`), path);
      // An executable has it in it.
      await Deno.utime(path, RELEASED_AT_MS / 1000, RELEASED_AT_MS / 1000);
    }
    for (const executable of executables(bundles, directory)) {
      const { name, target } = executable;
      if (problems.has(target)) continue;
      const problem = await compile(executable);
      if (problem !== undefined) {
        problems.set(target, problem);
        continue;
      }
      const bytes = await Deno.readFile(join(directory, name));
      const runs = elfMachine(bytes) === TARGETS[target];
      (runs ? names : foreign).push(name);
    }
  } finally {
    await Deno.remove(bundles, { recursive: true });
  }
  return { names, foreign, problems: [...problems.values()] };
}

async function compile(
  { target, args }: Executable,
): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1" },
  }).output();
  return success ? undefined : whyNot(target, new TextDecoder().decode(stderr));
}

/** @param error what `deno compile` wrote */
export function whyNot(target: string, error: string): string {
  const url = /https:\/\/\S+denort\S+?\.zip/.exec(error)?.[0];
  if (url === undefined) return `No executables for ${target}: ${error.trim()}`;
  const { pathname } = new URL(url);
  return `No executables for ${target}: their runtime cannot be downloaded from ${url}. Bring ${
    basename(pathname)
  } to $DENO_DIR/dl${
    dirname(pathname)
  } (deno info says where that is), or unpack it and say where: DENORT_BIN=/path/to/denort`;
}

/** What is wrong with executables made of a runtime for another machine. */
export function foreignRemark(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [
    `${
      names.join(", ")
    }: DENORT_BIN is for another architecture, so these do not run there`,
  ];
}

/** The machine that a file of ELF is for; undefined for other files. */
export function elfMachine(
  bytes: Uint8Array<ArrayBuffer>,
): number | undefined {
  const isElf = bytes.length >= 20 && bytes[0] === 0x7f &&
    new TextDecoder().decode(bytes.subarray(1, 4)) === "ELF";
  if (!isElf) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint16(18, true);
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? "dist";
  const bundler = join(import.meta.dirname ?? ".", "bundle.ts");
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", bundler, directory],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  const { problems, foreign } = success
    ? await compilePrograms(directory)
    : { problems: ["No executables without bundles"], foreign: [] };
  for (const line of [...problems, ...foreignRemark(foreign)]) {
    Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  }
  if (problems.length > 0) Deno.exit(1);
}
