import { runBootstrap, runScan, runServe } from "./lib/cli/plasmd_commands.ts";
import {
  type ProgramContext,
  runProgram,
  writeLine,
} from "./lib/cli/run_program.ts";
import { renderHelp } from "./lib/config/command_help.ts";
import { parseCommandLine } from "./lib/config/command_line.ts";
import { renderCompletions } from "./lib/config/completions.ts";
import { PLASMD_PROGRAM } from "./lib/config/plasmd_options.ts";
import { ExitCode } from "./lib/core/exit_code.ts";
import { VERSION } from "./lib/core/version.ts";

async function main({ argv, signal }: ProgramContext): Promise<ExitCode> {
  const invocation = parseCommandLine(argv, PLASMD_PROGRAM);
  if (invocation.kind === "help") {
    writeLine(renderHelp(PLASMD_PROGRAM, invocation.command), "stdout");
    return ExitCode.done;
  }
  if (invocation.kind === "version") {
    writeLine(`plasmd ${VERSION}`, "stdout");
    return ExitCode.done;
  }
  switch (invocation.command) {
    case "serve":
      return await runServe(invocation.values, { signal });
    case "scan":
      return await runScan(invocation.values, { signal });
    case "bootstrap":
      return await runBootstrap(invocation.values, { signal });
    case "completions":
      writeLine(
        renderCompletions(PLASMD_PROGRAM, invocation.values.shell),
        "stdout",
      );
      return ExitCode.done;
  }
}

if (import.meta.main) await runProgram(main);
