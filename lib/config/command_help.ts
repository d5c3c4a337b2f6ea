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
 * @returns lines that end with a line break
 */
export function renderHelp(program: Program, command: string): string {
  const own = Object.hasOwn(program.commands, command)
    ? program.commands[command]
    : undefined;
  const sections = own === undefined
    ? describeCommands(program, command)
    : describeCommand(program, command, own);
  return `${sections.join("\n\n")}\n`;
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
      positionals.map((argument): Row => [valueName(argument), text(argument)]),
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
      heading(key, option),
      text(option),
    ]),
    ["--help, -h", "show this text"],
    ["--version", "show the version"],
  ];
}

function section(title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `${title}:`,
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ].join("\n");
}

function heading(key: string, option: Option): string {
  return `${optionSpellings(key, option)[0]} ${valueName(option)}`.trimEnd();
}

function text(option: Option): string {
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
