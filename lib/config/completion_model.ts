import {
  commandSteps,
  type Option,
  optionSpellings,
  type Program,
} from "./option_table.ts";

/** What a shell offers after the words typed so far. */
export interface Completion {
  /** "" before any command; may be the first word of several. */
  readonly command: string;
  /** Next words of the command, or choices of its argument. */
  readonly words: readonly { readonly word: string; readonly help: string }[];
  /** Whether an argument may be a file. */
  readonly files: boolean;
  /** Options of the command, and those of every command. */
  readonly options: readonly CompletionOption[];
}

/** An option as a shell offers it. */
export interface CompletionOption {
  /** With the dashes. */
  readonly spelling: string;
  /** One line. */
  readonly help: string;
  /** May be given several times. */
  readonly repeatable: boolean;
  /** Whether a value follows. */
  readonly takesValue: boolean;
  /** What is offered for the value; undefined: nothing. */
  readonly values: "file" | "directory" | readonly string[] | undefined;
}

const HELP = offered("help", { type: "flag", help: "show the help" });

/** What is offered for each command, and for the beginnings of commands. */
export function completionsOf(program: Program): Completion[] {
  const steps = commandSteps(program);
  const commands = new Set(["", ...steps.map(({ to }) => to)]);
  return [...commands].map((name) => {
    const command = program.commands[name];
    const next = steps.filter(({ from }) => from === name)
      .map(({ word, to }) => ({
        word,
        help: program.groups?.[to] ?? program.commands[to]?.summary ?? to,
      }));
    const positionals = Object.values(command?.positionals ?? {});
    return {
      command: name,
      words: [
        ...next,
        ...positionals.flatMap((argument) =>
          argument.type === "choice"
            ? argument.choices.map((word) => ({ word, help: argument.help }))
            : []
        ),
      ],
      files: positionals.some((argument) =>
        argument.type === "text" && argument.completes === "file"
      ),
      options: [
        ...Object.entries({ ...command?.options, ...program.options })
          .map(([key, option]) => offered(key, option)),
        HELP,
        { ...HELP, spelling: "-h" },
        offered("version", { type: "flag", help: "show the version" }),
      ],
    };
  });
}

function offered(key: string, option: Option): CompletionOption {
  const takesValue = option.type !== "flag" && option.type !== "toggle";
  return {
    // Of `--no-x` and `--x` the first: the second only overrides a file.
    spelling: optionSpellings(key, option)[0] ?? key,
    help: option.help,
    repeatable: "repeatable" in option,
    takesValue,
    values: option.type === "choice"
      ? option.choices
      : option.type === "text"
      ? option.completes
      : undefined,
  };
}
