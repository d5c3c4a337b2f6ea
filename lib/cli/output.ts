import { whenAborted } from "../core/abort.ts";
import { deadline, sleep, systemClock } from "../core/clock.ts";
import { ExitCode } from "../core/exit_code.ts";
import {
  createLogger,
  formatLogLine,
  LOG_LEVELS,
  type LogFormat,
  type Logger,
  type LogLevel,
} from "../core/log.ts";
import { LogQueue } from "../core/log_queue.ts";
import { jsonLine, messageOf, printable } from "../core/printable.ts";
import type { StatusLine } from "../core/status_line.ts";
import { isJournal, journalLine } from "./journal.ts";

/** How long the end waits for a reader of standard error that has stopped. */
const FLUSH_STALL_MS = 500;
/** How soon a stream that is full is tried again. */
const FULL_RETRY_MS = 20;
const DEFAULT_COLUMNS = 80;

/** The format of the latest logger. */
let logFormat: LogFormat = "text";

/** Everything that goes to standard error goes through this. */
const standardError = new LogQueue({
  write: (bytes) => writeSome(Deno.stderr, bytes),
  describeDropped: (count) =>
    addressed(
      "warn",
      formatLogLine(
        "warn",
        `Dropped ${count} log line${
          count === 1 ? "" : "s"
        }: standard error did not take them`,
        { format: logFormat, now: systemClock.now() },
      ),
    ),
});

/** Looked at with the first line. */
let goesToJournal: boolean | undefined;

/** A line as standard error takes it: the journal with its level in front. */
function addressed(level: LogLevel, line: string): string {
  goesToJournal ??= isJournal(
    Deno.env.get("JOURNAL_STREAM"),
    // To import it would cost every search what a service alone needs.
    () => globalThis.process.getBuiltinModule("node:fs").fstatSync(2),
  );
  return goesToJournal ? journalLine(level, line) : line;
}

/** A logger on standard error, which never waits for it and never fails. */
export function openLogger(
  { level, format }: { readonly level: LogLevel; readonly format: LogFormat },
): Logger {
  logFormat = format;
  return createLogger({
    level,
    format,
    clock: systemClock,
    writeLine: (line, level) => standardError.push(addressed(level, line)),
  });
}

/**
 * What writes to standard error what happens, as objects for programs: lines
 * like those of a log in JSON, with more members.
 *
 * @param least the least important level that is still written
 */
export function openEventLog(
  least: LogLevel,
): (
  level: LogLevel,
  message: string,
  members: Readonly<Record<string, unknown>>,
) => void {
  return (level, message, members) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const time = new Date(systemClock.now()).toISOString();
    const line = jsonLine({ time, level, message, ...members });
    standardError.push(addressed(level, line));
  };
}

/**
 * Logs the warnings of Node's modules, which would otherwise go to standard
 * error unformatted and block the program when it is not read. This loads a
 * module that costs a booting machine 8 ms: call it where libp2p is loaded,
 * which needs the module anyway.
 */
export async function logRuntimeWarnings(logger: Logger): Promise<void> {
  const { default: process } = await import("node:process");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => logger.debug(messageOf(warning)));
}

/** Waits for what was logged, though not for a reader that has stopped. */
export async function flushLog(): Promise<void> {
  await standardError.flush(systemClock, FLUSH_STALL_MS);
}

/**
 * The last line of the terminal that standard error is.
 *
 * @returns undefined when it is no terminal
 */
export function openStatusLine(): StatusLine | undefined {
  if (!Deno.stderr.isTerminal() || Deno.env.get("TERM") === "dumb") {
    return undefined;
  }
  return {
    get columns() {
      try {
        return Deno.consoleSize().columns || DEFAULT_COLUMNS;
      } catch {
        // Standard output is no terminal, which is the one that is measured.
        return DEFAULT_COLUMNS;
      }
    },
    show: (text) => standardError.show(text),
    clear: () => standardError.show(""),
  };
}

/** How many characters fit on a line of standard output; a file has no edge. */
export function resultColumns(): number {
  try {
    if (Deno.stdout.isTerminal()) return Deno.consoleSize().columns || Infinity;
  } catch {
    // A terminal that has no size, such as a serial line.
  }
  return Infinity;
}

/**
 * The lines of a result that there is in two forms.
 *
 * @param values the command line, with `--json` or without
 * @param document what JSON is made of: one line
 * @param lines makes those for people
 */
export function withJson(
  { json }: { readonly json: boolean },
  document: unknown,
  lines: () => string[],
): string[] {
  return json ? [jsonLine(document)] : lines();
}

/** Standard output is not read any more, as when `head` has seen enough. */
export class ReaderGoneError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "ReaderGoneError";
}

/** What programs find as `reason` in place of a result. */
const FAILURE_REASONS = {
  [ExitCode.done]: "unexpected",
  [ExitCode.unexpected]: "unexpected",
  [ExitCode.usage]: "usage",
  [ExitCode.notFound]: "unreachable",
  [ExitCode.notVerified]: "refused",
  [ExitCode.notFetched]: "not_fetched",
  [ExitCode.incomplete]: "incomplete",
  [ExitCode.interrupted]: "interrupted",
} as const satisfies Record<ExitCode, string>;

let hasResult = false;

/**
 * Writes an object to standard output in place of a result that was to be JSON.
 * Nothing where a result has gone there, or cannot go at once: how the program
 * ends is told by its exit code, too.
 */
export async function writeFailure(
  code: ExitCode,
  error: string,
): Promise<void> {
  if (hasResult) return;
  using limit = deadline(systemClock, FLUSH_STALL_MS, new AbortController());
  const object = { error, reason: FAILURE_REASONS[code] };
  await writeResult([jsonLine(object)], { signal: limit.signal }).catch(() => {
    // There is no one left to tell.
  });
}

/**
 * Writes results to standard output, which nothing else writes to, and waits
 * until they are out. Control characters are escaped; JSON from `jsonLine`
 * stays as it is.
 *
 * @param lines without their line breaks
 * @throws ReaderGoneError when the reader has gone
 * @throws Error when they cannot be written
 * @throws the signal's reason, when it aborts first
 */
export async function writeResult(
  lines: readonly string[],
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const bytes = new TextEncoder().encode(
    lines.map((line) => `${printable(line, Infinity)}\n`).join(""),
  );
  const aborted = whenAborted(signal);
  hasResult = true;
  try {
    for (let done = 0; done < bytes.length;) {
      const writing = writeSome(Deno.stdout, bytes.subarray(done));
      done += await Promise.race([writing, aborted.then(() => 0)]);
      signal.throwIfAborted();
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof Deno.errors.BrokenPipe) {
      throw new ReaderGoneError("Nobody reads standard output", { cause });
    }
    throw new Error(
      `Cannot write the result to standard output: ${messageOf(cause)}`,
    );
  }
}

/** Waits where another process has made the pipe or terminal non-blocking. */
async function writeSome(
  stream: typeof Deno.stdout | typeof Deno.stderr,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<number> {
  while (true) {
    try {
      return await stream.write(bytes);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      await sleep(systemClock, FULL_RETRY_MS, {
        signal: new AbortController().signal,
      });
    }
  }
}
