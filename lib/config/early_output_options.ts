import { LOG_LEVELS, type LogFormat, type LogLevel } from "../core/log.ts";
import { argumentTokens } from "./argument_tokens.ts";
import { LOG_OPTIONS } from "./common_options.ts";

const { logLevel, logFormat } = LOG_OPTIONS;

/**
 * How to log until the command line is understood, and where it cannot be: as
 * its log options say, as far as they make sense by themselves.
 */
export function earlyLogOptions(argv: readonly string[]): {
  readonly level: LogLevel;
  readonly format: LogFormat;
} {
  let level: LogLevel = logLevel.default;
  let format: LogFormat = logFormat.default;
  const takesValue = (name: string) => /^log-(level|format)$/.test(name);
  for (const token of argumentTokens(argv, takesValue)) {
    if (token.kind !== "option") continue;
    if (token.name === "log-level") {
      level = LOG_LEVELS.find((choice) => choice === token.value) ?? level;
    } else if (token.name === "log-format") {
      format = logFormat.choices.find((choice) => choice === token.value) ??
        format;
    }
  }
  return { level, format };
}
