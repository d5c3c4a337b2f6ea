import { parse as parseToml, TomlError } from "smol-toml";
import { ConfigError, type ConfigPosition } from "../core/errors.ts";
import { messageOf, printable } from "../core/printable.ts";

/** The header of a table, or a key with what follows it up to its value. */
const NAMES = /^[ \t]*(?:(\[[^\]\n]*\]+)|([^\s=#[\]{},][^=#\n]*?)[ \t]*=)/gm;

/**
 * Parses TOML.
 *
 * @param text without a byte order mark
 * @param path of the file, as messages name it
 * @param written the text as the user knows it, where it was changed to be
 * TOML; all is in the same place there. @default text
 * @throws ConfigError with line, column and key of the first thing that is
 * wrong: what follows it could only be guessed at
 */
export function readToml(
  text: string,
  path: string,
  written: string = text,
): unknown {
  const garbled = text.indexOf("\uFFFD");
  if (garbled !== -1) {
    throw new ConfigError(
      { path, ...lineAndColumn(text, garbled) },
      "this is not UTF-8, save the file as UTF-8",
    );
  }
  try {
    return parseToml(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) {
      throw new ConfigError({ path }, messageOf(cause), { cause });
    }
    const { line, column } = cause;
    // Below its first line, the message quotes the text.
    const problem = (cause.message.split("\n")[0] ?? "")
      .replace(/^Invalid TOML document: /, "");
    const name = nameBefore(written.split("\n").slice(0, line).join("\n"));
    throw new ConfigError(
      { path, line, column },
      name === undefined ? problem : `${printable(name, 80)}: ${problem}`,
      { cause },
    );
  }
}

/** Line and column of an offset, both from 1. */
export function lineAndColumn(
  text: string,
  offset: number,
): Required<Omit<ConfigPosition, "path">> {
  const lines = text.slice(0, offset).split("\n");
  return { line: lines.length, column: (lines.at(-1) ?? "").length + 1 };
}

/** The last key or header that a text names. */
function nameBefore(text: string): string | undefined {
  const [, header, key] = [...text.matchAll(NAMES)].at(-1) ?? [];
  return header ?? (key && `"${key.replace(/^"(.*)"$/, "$1")}"`);
}
