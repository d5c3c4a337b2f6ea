import { LOG_LEVELS, type LogFormat, type LogLevel } from "../core/log.ts";
import { argumentTokens } from "./argument_tokens.ts";
import { LOG_OPTIONS } from "./common_options.ts";

const { logLevel, logFormat } = LOG_OPTIONS;

/**
 * How to log and to answer until the command line is understood, and where it
 * cannot be: as its options say, as far as they make sense by themselves.
 */
export function earlyOutputOptions(argv: readonly string[]): {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Whether results, and so failures, are JSON. */
  readonly json: boolean;
} {
  let level: LogLevel = logLevel.default;
  let format: LogFormat = logFormat.default;
  let json = false;
  const takesValue = (name: string) => /^(log-level|(log-)?format)$/.test(name);
  for (const token of argumentTokens(argv, takesValue)) {
    if (token.kind !== "option") continue;
    switch (token.name) {
      case "log-level":
        level = LOG_LEVELS.find((choice) => choice === token.value) ?? level;
        break;
      case "log-format":
        format = logFormat.choices.find((choice) => choice === token.value) ??
          format;
        break;
      case "format":
        json = token.value === "json";
        break;
      case "json":
        json = true;
    }
  }
  return { level, format, json };
}
