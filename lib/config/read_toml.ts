import { parse as parseToml, TomlError } from "smol-toml";
import { ConfigError } from "../core/errors.ts";
import { messageOf } from "../core/printable.ts";

/**
 * Parses TOML.
 *
 * @throws ConfigError with line and column of the first thing that is wrong
 */
export function readToml(text: string, path: string): unknown {
  try {
    return parseToml(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) {
      throw new ConfigError({ path }, messageOf(cause), { cause });
    }
    const { line, column } = cause;
    // Below its first line, the message quotes the text.
    const problem = cause.message.split("\n")[0] ?? "";
    throw new ConfigError(
      { path, line, column },
      problem.replace(/^Invalid TOML document: /, ""),
      { cause },
    );
  }
}
