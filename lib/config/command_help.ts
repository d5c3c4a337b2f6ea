import {
  type Command,
  helpCommand,
  type Option,
  optionSpellings,
  type OptionTable,
  type Program,
  valueName,
} from "./option_table.ts";

/**
 * The help text of a program, of a group of commands or of one command. Loaded
 * only when it is asked for, since boxes wait for the parser.
 *
 * @param command as in an `Invocation` of kind `help`: "" for the program
 * @param columns how many characters fit on a line of the terminal; without,
 * each option is one line
 * @returns lines that end with a line break
 */
export function renderHelp(
  program: Program,
  command: string,
  columns = Infinity,
): string {
  const own = Object.hasOwn(program.commands, command)
    ? program.commands[command]
    : undefined;
  const sections = own === undefined
    ? describeCommands(program, command)
    : describeCommand(program, command, own);
  const lines = sections.join("\n\n").split("\n");
  return `${lines.flatMap((line) => wrap(line, columns)).join("\n")}\n`;
}

/** A second column narrower than this is no help. */
const MIN_TEXT_COLUMNS = 20;

/**
 * Breaks a line between words. What follows stands below the beginning of the
 * text: behind two or more spaces, for what has two columns.
 */
function wrap(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const beginning = /^ *(?:\S.*? {2,})?/.exec(line)?.[0].length ?? 0;
  const indent = columns - beginning >= MIN_TEXT_COLUMNS ? beginning : 4;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    // A word that is longer than a line stays whole.
    const before = rest.lastIndexOf(" ", columns);
    const at = before > indent ? before : rest.indexOf(" ", columns);
    if (at < 0) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = " ".repeat(indent) + rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

function describeCommands(program: Program, words: string): string[] {
  const prefix = words === "" ? "" : `${words} `;
  const rows = Object.entries(program.commands)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, { summary }]): Row => [name, summary]);
  return [
    `Usage: ${program.name} ${prefix}COMMAND [OPTIONS]`,
    program.groups?.[words] ?? program.summary,
    section("Commands", rows),
    section("Options of every command", optionRows(program.options)),
    `More: ${helpCommand(program, `${prefix}COMMAND`)}`,
  ];
}

function describeCommand(
  program: Program,
  words: string,
  command: Command,
): string[] {
  const positionals = Object.values(command.positionals ?? {});
  const usage = [
    program.name,
    words,
    "[OPTIONS]",
    ...positionals.map((argument) => {
      const name = `${valueName(argument)}${argument.repeatable ? "..." : ""}`;
      return argument.required ? name : `[${name}]`;
    }),
  ].filter((word) => word !== "").join(" ");
  const sections = [`Usage: ${usage}`, command.summary];
  if (positionals.length > 0) {
    sections.push(section(
      "Arguments",
      positionals.map((
        argument,
      ): Row => [valueName(argument), optionText(argument)]),
    ));
  }
  sections.push(
    section("Options", optionRows({ ...command.options, ...program.options })),
  );
  if (command.examples !== undefined) {
    sections.push(
      ["Examples:", ...command.examples.map((e) => `  ${e}`)].join("\n"),
    );
  }
  if (command.notes !== undefined) sections.push(command.notes.join("\n"));
  return sections;
}

type Row = readonly [left: string, right: string];

function optionRows(table: OptionTable): Row[] {
  return [
    ...Object.entries(table).map(([key, option]): Row => [
      `${optionSpellings(key, option)[0]} ${valueName(option)}`.trimEnd(),
      optionText(option),
    ]),
    ["--help, -h", "show this text"],
    ["--version, -V", "show the version"],
  ];
}

function section(title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `${title}:`,
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ].join("\n");
}

/** What an option is for, with what holds where it is not given. */
export function optionText(option: Option): string {
  const remarks: string[] = [];
  if ("repeatable" in option) remarks.push("repeatable");
  const fallback = "defaultText" in option
    ? option.defaultText
    : "default" in option
    ? option.default
    : undefined;
  if (fallback !== undefined) remarks.push(`default: ${fallback}`);
  return remarks.length === 0
    ? option.help
    : `${option.help} (${remarks.join(", ")})`;
}
