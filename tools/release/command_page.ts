import { optionText } from "../../lib/config/command_help.ts";
import {
  type Command,
  optionSpellings,
  type OptionTable,
  type Program,
  valueName,
} from "../../lib/config/option_table.ts";
import {
  bold,
  entry,
  escapeRoff,
  example,
  italic,
  type PageTitle,
  paragraph,
  section,
  titleLine,
} from "./roff.ts";

/** What a page says besides the table of a program. */
export interface CommandPage extends Omit<PageTitle, "name" | "section"> {
  /** Exit codes, with what they say. */
  readonly exitCodes: Readonly<Record<string, string>>;
  /** Paths, with what they are for. */
  readonly files: Readonly<Record<string, string>>;
  /** Variables of the environment, with what they are for. */
  readonly environment: Readonly<Record<string, string>>;
  /** Other pages: `plasmd(1)`. */
  readonly seeAlso: readonly string[];
}

/**
 * The page of a program in section 1: all that its table of options says.
 *
 * @returns lines that end with a line break
 */
export function renderCommandPage(program: Program, page: CommandPage): string {
  const { name, summary, commands } = program;
  const single = commands[""];
  return [
    titleLine({ ...page, name, section: 1 }),
    ...section("Name", [
      `${escapeRoff(name)} \\- ${escapeRoff(uncapitalized(summary))}`,
    ]),
    ...section("Synopsis", [
      single === undefined
        ? `${bold(name)} ${italic("COMMAND")} [${italic("OPTIONS")}]`
        : usage(name, "", single),
    ]),
    ...single === undefined
      ? section("Commands", describeCommands(program))
      : describeSingle(single),
    ...section("Options of every command", options(program.options)),
    ...section("Exit status", entries(page.exitCodes)),
    ...section("Files", entries(page.files)),
    ...section("Environment", entries(page.environment)),
    ...section("See also", [
      page.seeAlso.map((other) =>
        other.replace(/^(.+)(\(\d\))$/, "\\fB$1\\fR$2")
      )
        .join(",\n"),
    ]),
    "",
  ].join("\n");
}

function describeCommands({ name, commands }: Program): string[] {
  return Object.entries(commands).flatMap(([words, command]) => [
    `.SS ${usage(name, words, command)}`,
    ...paragraph(`${command.summary}.`),
    ...argumentsOf(command),
    ...options(command.options),
    ...notes(command),
    ...(command.examples ?? []).flatMap((line) => example([line])),
  ]);
}

function describeSingle(command: Command): string[] {
  return [
    ...section("Options", [
      ...argumentsOf(command),
      ...options(command.options),
    ]),
    ...section("Notes", notes(command)),
    ...section(
      "Examples",
      (command.examples ?? []).flatMap((line) => example([line])),
    ),
  ];
}

function usage(name: string, words: string, command: Command): string {
  const positionals = Object.values(command.positionals ?? {}).map(
    (argument) => {
      const dots = argument.repeatable ? "..." : "";
      const shown = `${italic(valueName(argument))}${dots}`;
      return argument.required ? shown : `[${shown}]`;
    },
  );
  return [
    bold(`${name} ${words}`.trimEnd()),
    `[${italic("OPTIONS")}]`,
    ...positionals,
  ].join(" ");
}

function argumentsOf({ positionals = {} }: Command): string[] {
  return Object.values(positionals).flatMap((argument) =>
    entry([italic(valueName(argument))], sentence(optionText(argument)))
  );
}

function options(table: OptionTable): string[] {
  return Object.entries(table).flatMap(([key, option]) => {
    const [spelling = key] = optionSpellings(key, option);
    const value = italic(valueName(option));
    return entry(
      [`${bold(spelling)} ${value}`.trimEnd()],
      sentence(optionText(option)),
    );
  });
}

function notes({ notes = [] }: Command): string[] {
  return notes.length === 0 ? [] : [".PP", ...paragraph(notes.join(" "))];
}

function entries(texts: Readonly<Record<string, string>>): string[] {
  return Object.entries(texts).flatMap(([term, text]) =>
    entry([bold(term)], sentence(text))
  );
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function uncapitalized(text: string): string {
  return `${text.slice(0, 1).toLowerCase()}${text.slice(1)}`;
}
