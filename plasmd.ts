import "./lib/cli/require_deno.ts"; // before all others
import type { CommandValues } from "./lib/cli/command_context.ts";
import { HangUps } from "./lib/cli/hang_ups.ts";
import { runKeyGenerate, runKeyShow } from "./lib/cli/key_commands.ts";
import {
  runManifestGenerate,
  runManifestRenew,
  runManifestShow,
  runManifestSign,
  runManifestVerify,
} from "./lib/cli/manifest_commands.ts";
import { resultColumns, writeResult } from "./lib/cli/output.ts";
import { type ProgramContext, runProgram } from "./lib/cli/run_program.ts";
import { runStatus } from "./lib/cli/status_command.ts";
import {
  runTrustShow,
  runTrustSign,
  runTrustVerify,
} from "./lib/cli/trust_commands.ts";
import { renderHelp } from "./lib/config/command_help.ts";
import {
  type Invocation,
  parseCommandLine,
} from "./lib/config/command_line.ts";
import { renderCompletions } from "./lib/config/completions.ts";
import { PLASMD_PROGRAM } from "./lib/config/plasmd_options.ts";
import type { ExitCode } from "./lib/core/exit_code.ts";
import { BUILD } from "./lib/core/version.ts";

async function main(context: ProgramContext): Promise<ExitCode | void> {
  const { argv, signal } = context;
  const invocation = parseCommandLine(argv, PLASMD_PROGRAM);
  if (invocation.kind === "help") {
    const help = renderHelp(
      PLASMD_PROGRAM,
      invocation.command,
      resultColumns(),
    );
    return await writeResult(help.split("\n"), { signal });
  }
  if (invocation.kind === "version") {
    return await writeResult([`plasmd ${BUILD}`], { signal });
  }
  return await run(invocation, context);
}

async function run(
  invocation: Extract<Invocation<typeof PLASMD_PROGRAM>, { kind: "run" }>,
  { signal, allowToEnd }: ProgramContext,
): Promise<ExitCode | void> {
  switch (invocation.command) {
    case "serve":
      return await runForLong((commands, hangUps) =>
        commands.runServe(invocation.values, { hangUps, signal, allowToEnd })
      );
    case "mirror":
      return await mirror(invocation.values, { signal, allowToEnd });
    case "scan":
      return await (await providerCommands())
        .runScan(invocation.values, { signal });
    case "bootstrap":
      return await runForLong((commands, hangUps) =>
        commands.runBootstrap(invocation.values, {
          hangUps,
          signal,
          allowToEnd,
        })
      );
    case "status":
      return await runStatus(invocation.values, { signal });
    case "doctor":
      return await (await import("./lib/cli/doctor_command.ts"))
        .runDoctor(invocation.values, { signal });
    case "manifest show":
      return await runManifestShow(invocation.values, { signal });
    case "manifest generate":
      return await runManifestGenerate(invocation.values, { signal });
    case "manifest renew":
      return await runManifestRenew(invocation.values, { signal });
    case "manifest sign":
      return await runManifestSign(invocation.values, { signal });
    case "manifest verify":
      return await runManifestVerify(invocation.values, { signal });
    case "trust sign":
      return await runTrustSign(invocation.values, { signal });
    case "trust show":
      return await runTrustShow(invocation.values, { signal });
    case "trust verify":
      return await runTrustVerify(invocation.values, { signal });
    case "key generate":
      return await runKeyGenerate(invocation.values, { signal });
    case "key show":
      return await runKeyShow(invocation.values, { signal });
    case "completions":
      return await writeResult(
        renderCompletions(PLASMD_PROGRAM, invocation.values.shell).split("\n"),
        { signal },
      );
  }
}

async function mirror(
  values: CommandValues<"mirror">,
  context: Pick<ProgramContext, "signal" | "allowToEnd">,
): Promise<void> {
  const hangUps = new HangUps();
  const { runMirror } = await import("./lib/cli/mirror_command.ts");
  await runMirror(values, { ...context, hangUps });
}

/** A command that SIGHUP does not end, not while it is loaded either. */
async function runForLong(
  command: (
    commands: Awaited<ReturnType<typeof providerCommands>>,
    hangUps: HangUps,
  ) => Promise<void>,
): Promise<void> {
  const hangUps = new HangUps();
  await command(await providerCommands(), hangUps);
}

/** Loaded when needed: much comes with them that the others start without. */
function providerCommands(): Promise<
  typeof import("./lib/cli/provider_commands.ts")
> {
  return import("./lib/cli/provider_commands.ts");
}

if (import.meta.main) await runProgram(main);
