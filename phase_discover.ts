import "./lib/cli/require_deno.ts"; // before all others
import { resultColumns, writeResult } from "./lib/cli/output.ts";
import { type ProgramContext, runProgram } from "./lib/cli/run_program.ts";
import { runDiscover } from "./lib/cli/discover_command.ts";
import { parseCommandLine } from "./lib/config/command_line.ts";
import { DISCOVER_PROGRAM } from "./lib/config/discover_options.ts";
import type { ExitCode } from "./lib/core/exit_code.ts";
import { BUILD } from "./lib/core/version.ts";

async function main(
  { argv, signal }: ProgramContext,
): Promise<ExitCode | void> {
  const invocation = parseCommandLine(argv, DISCOVER_PROGRAM);
  switch (invocation.kind) {
    case "help": {
      const { renderHelp } = await import("./lib/config/command_help.ts");
      const help = renderHelp(
        DISCOVER_PROGRAM,
        invocation.command,
        resultColumns(),
      );
      return await writeResult(help.split("\n"), { signal });
    }
    case "version":
      return await writeResult([`phase_discover ${BUILD}`], { signal });
    case "run":
      return await runDiscover(invocation.values, { signal });
  }
}

if (import.meta.main) await runProgram(main);
