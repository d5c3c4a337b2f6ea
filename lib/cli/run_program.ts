import { systemClock } from "../core/clock.ts";
import { UnreachableError, UserError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import { FileAccessError, FileNotFoundError } from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";

/** What a program is given to run with. */
export interface ProgramContext {
  /** Aborts with the first SIGINT or SIGTERM; a second one ends the process. */
  readonly signal: AbortSignal;
  /**
   * Says how long winding up may take after the signal, in milliseconds: the
   * process ends then, whatever it waits for. @default 5000
   */
  readonly allowToEnd: (timeoutMs: number) => void;
  /** The arguments, without the program's name. */
  readonly argv: readonly string[];
}

/** For what has little to wind up, and may wait for the writer of a pipe. */
const END_TIMEOUT_MS = 5000;

/**
 * Runs a program from its first argument to its exit code: signals become an
 * abort, what a person can mend becomes one line and exit code 2 (3 when
 * somebody cannot be reached), anything else one line and exit code 1. Never
 * shows a stack trace.
 *
 * Ends with `Deno.exit`, since libp2p keeps timers and a channel open after it
 * was stopped, which would keep the process alive.
 */
export async function runProgram(
  main: (context: ProgramContext) => Promise<ExitCode>,
): Promise<never> {
  const stopping = new AbortController();
  let endTimeoutMs = END_TIMEOUT_MS;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => {
      if (stopping.signal.aborted) Deno.exit(ExitCode.interrupted);
      systemClock.setTimer(() => endByForce(name, endTimeoutMs), endTimeoutMs);
      stopping.abort(new DOMException(`ended by ${name}`, "AbortError"));
    });
  }
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    if (!stopping.signal.aborted) {
      writeLine(`ERROR Unexpected: ${messageOf(event.reason)}`, "stderr");
    }
  });
  Deno.exit(
    await exitCodeOf(main, {
      signal: stopping.signal,
      allowToEnd: (timeoutMs) => endTimeoutMs = timeoutMs,
    }),
  );
}

/** A read of a disk that does not answer, for one, cannot be taken back. */
function endByForce(name: string, afterMs: number): never {
  writeLine(
    `WARN Still busy ${afterMs / 1000} s after ${name}: ended all the same`,
    "stderr",
  );
  Deno.exit(ExitCode.interrupted);
}

async function exitCodeOf(
  main: (context: ProgramContext) => Promise<ExitCode>,
  { signal, allowToEnd }: Omit<ProgramContext, "argv">,
): Promise<ExitCode> {
  try {
    return await main({ signal, allowToEnd, argv: Deno.args });
  } catch (error) {
    if (signal.aborted) return ExitCode.interrupted;
    writeLine(
      `ERROR ${error instanceof UserError ? error.message : messageOf(error)}`,
      "stderr",
    );
    if (error instanceof UnreachableError) return ExitCode.notFound;
    return canBeMended(error) ? ExitCode.usage : ExitCode.unexpected;
  }
}

/** A file that was named and is not there is as much a mistake as a typo. */
function canBeMended(error: unknown): boolean {
  return error instanceof UserError || error instanceof FileNotFoundError ||
    error instanceof FileAccessError;
}

/**
 * Writes a whole line before it returns. A reader that went away (a closed
 * pipe) is no reason to fail.
 */
export function writeLine(line: string, stream: "stdout" | "stderr"): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let done = 0; done < bytes.length;) {
      done += Deno[stream].writeSync(bytes.subarray(done));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
