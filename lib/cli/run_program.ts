import { earlyOutputOptions } from "../config/early_output_options.ts";
import { systemClock } from "../core/clock.ts";
import { UnreachableError, UserError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import { FileAccessError, FileNotFoundError } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { closeDebuggers } from "./close_debugger.ts";
import {
  flushLog,
  openLogger,
  ReaderGoneError,
  writeFailure,
} from "./output.ts";

/** What a program is given. */
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

/** Enough for what has little to wind up, or waits for the writer of a pipe. */
const END_TIMEOUT_MS = 5000;

/**
 * Runs a program from its first argument to its exit code: signals become an
 * abort, what a person can mend becomes one line and exit code 2 (3 when
 * somebody cannot be reached), anything else one line and exit code 1. A stack
 * trace is shown at level debug only. Where the result was to be JSON, so is
 * what stands for it.
 *
 * Ends with `Deno.exit`, since libp2p keeps timers and a channel open after it
 * was stopped, which would keep the process alive.
 *
 * @param main gives the code to end with, unless all is done
 */
export async function runProgram(
  main: (context: ProgramContext) => Promise<ExitCode | void>,
): Promise<never> {
  const { json, ...logOptions } = earlyOutputOptions(Deno.args);
  const logger = openLogger(logOptions);
  closeDebuggers(logger);
  const stopping = new AbortController();
  let endTimeoutMs = END_TIMEOUT_MS;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => {
      if (stopping.signal.aborted) Deno.exit(ExitCode.interrupted);
      systemClock.setTimer(
        () => endByForce(logger, { name, json, afterMs: endTimeoutMs }),
        endTimeoutMs,
      );
      stopping.abort(new DOMException(`ended by ${name}`, "AbortError"));
    });
  }
  logStrays(logger, stopping.signal);
  const { code, failure } = await runToEnd(main, logger, {
    signal: stopping.signal,
    allowToEnd: (timeoutMs) => endTimeoutMs = timeoutMs,
  });
  if (json && failure !== undefined) await writeFailure(code, failure);
  await flushLog();
  Deno.exit(code);
}

/** What no code waits for: an error in a callback is logged, and ends nothing. */
function logStrays(logger: Logger, stopping: AbortSignal): void {
  const onError = (event: Event, error: unknown) => {
    event.preventDefault();
    if (!stopping.aborted) logUnexpected(logger, "Unexpected: ", error);
  };
  globalThis.addEventListener(
    "unhandledrejection",
    (event) => onError(event, event.reason),
  );
  globalThis.addEventListener(
    "error",
    (event) => onError(event, event.error),
  );
}

/** A read of a disk that does not answer, for one, cannot be taken back. */
async function endByForce(
  logger: Logger,
  { name, json, afterMs }: {
    readonly name: string;
    readonly json: boolean;
    readonly afterMs: number;
  },
): Promise<never> {
  logger.warn(
    `Still busy ${afterMs / 1000} s after ${name}: ending anyway`,
  );
  if (json) await writeFailure(ExitCode.interrupted, `ended by ${name}`);
  await flushLog();
  Deno.exit(ExitCode.interrupted);
}

/** How a program ends. */
interface End {
  readonly code: ExitCode;
  /** Set when it ended without a result: why. */
  readonly failure?: string;
}

async function runToEnd(
  main: (context: ProgramContext) => Promise<ExitCode | void>,
  logger: Logger,
  { signal, allowToEnd }: Omit<ProgramContext, "argv">,
): Promise<End> {
  try {
    const code = await main({ signal, allowToEnd, argv: Deno.args });
    return { code: code ?? ExitCode.done };
  } catch (error) {
    if (signal.aborted) {
      return {
        code: ExitCode.interrupted,
        failure: messageOf(signal.reason),
      };
    }
    // As a program ends that SIGPIPE kills: without a word.
    if (error instanceof ReaderGoneError) return { code: ExitCode.unexpected };
    if (!canBeMended(error)) {
      logUnexpected(logger, "", error);
      return { code: ExitCode.unexpected, failure: messageOf(error) };
    }
    const failure = error instanceof UserError
      ? error.message
      : messageOf(error);
    logger.error(failure);
    const code = error instanceof UnreachableError
      ? ExitCode.notFound
      : ExitCode.usage;
    return { code, failure };
  }
}

function logUnexpected(logger: Logger, prefix: string, error: unknown): void {
  const what = messageOf(error) || "something failed without saying why";
  logger.error(`${prefix}${what}`);
  const stack = error instanceof Error ? error.stack ?? "" : "";
  for (const [frame] of stack.matchAll(/^ +at .+$/gm)) logger.debug(frame);
}

/**
 * A file that was named and is not there is as much a mistake as a typo, and so
 * is to start Deno without a permission.
 */
function canBeMended(error: unknown): boolean {
  return error instanceof UserError || error instanceof FileNotFoundError ||
    error instanceof FileAccessError || error instanceof Deno.errors.NotCapable;
}
