/**
 * `deno task compile`: both programs as executables in `dist/`, or in the
 * directory that is named, made of the single files of `deno task bundle`.
 */
import { join } from "node:path";
import { DISCOVER_FLAGS, PLASMD_FLAGS } from "./shipped_flags.ts";

const TARGETS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];
const PROGRAMS = [
  { program: "plasmd", flags: PLASMD_FLAGS },
  { program: "phase_discover", flags: DISCOVER_FLAGS },
];

/** The arguments of `deno` that make each executable. */
export function compileCommands(directory: string): string[][] {
  return PROGRAMS.flatMap(({ program, flags }) =>
    TARGETS.map((target) => [
      // The configuration of the directory it is started in is nobody's.
      ...["compile", "--quiet", "--no-config", ...flags],
      ...["--target", target],
      ...["--output", join(directory, `${program}-${target}`)],
      join(directory, `${program}.js`),
    ])
  );
}

async function deno(args: string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  if (!success) throw new Error(`Cannot run deno ${args.join(" ")}`);
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? "dist";
  const bundler = join(import.meta.dirname ?? ".", "bundle.ts");
  await deno(["run", "-A", "--no-prompt", bundler, directory]);
  for (const command of compileCommands(directory)) await deno(command);
}
