import type { Clock } from "./clock.ts";
import { printable } from "./printable.ts";

/** Longer messages are cut, so that none can fill the queue alone. */
const MAX_MESSAGE_LENGTH = 4000;

/** From the most to the least that is logged. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Any of the levels. */
export type LogLevel = typeof LOG_LEVELS[number];

/** `text`: `LEVEL message`. `json`: one object a line. */
export type LogFormat = "text" | "json";

/**
 * Where code says what happened. A message names subject, consequence and
 * remedy, and has no final period. It may hold text from anybody: what could
 * break a line or move a terminal's cursor becomes `?`.
 */
export interface Logger {
  /** Details for finding a fault. */
  debug(message: string): void;
  /** What an operator wants to see once. */
  info(message: string): void;
  /** Something is missing or degraded, but the program keeps running. */
  warn(message: string): void;
  /** Something failed. */
  error(message: string): void;
}

/** One printable line, without its line break. */
export function formatLogLine(
  level: LogLevel,
  message: string,
  { format, now }: { readonly format: LogFormat; readonly now: number },
): string {
  const text = printable(message, MAX_MESSAGE_LENGTH);
  return format === "text" ? `${level.toUpperCase()} ${text}` : JSON.stringify({
    time: new Date(now).toISOString(),
    level,
    message: text,
  });
}

/** A logger that hands each finished line to `writeLine`. */
export function createLogger(
  { level, format, clock, writeLine }: {
    /** The least important level that is still written. */
    readonly level: LogLevel;
    readonly format: LogFormat;
    readonly clock: Clock;
    /** Receives a line without its line break; must not throw. */
    readonly writeLine: (line: string, level: LogLevel) => void;
  },
): Logger {
  const least = LOG_LEVELS.indexOf(level);
  const at = (wanted: LogLevel) => (message: string) => {
    if (LOG_LEVELS.indexOf(wanted) < least) return;
    const now = clock.now();
    writeLine(formatLogLine(wanted, message, { format, now }), wanted);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}
