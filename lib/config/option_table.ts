import type { Result } from "../core/result.ts";

/**
 * The words a program understands, as data: the parser, the help text and the
 * shell completions all read the same table. Keys are camelCase, options
 * kebab-case: `stateDir` is `--state-dir`.
 */

/** `--dry-run`: false unless given. */
export interface FlagOption {
  /** Says which kind of option this is. */
  readonly type: "flag";
  /** One line for the help text. */
  readonly help: string;
}

/** `--no-dht`, and `--dht` against a file that says otherwise. */
export interface ToggleOption {
  /** Says which kind of option this is. */
  readonly type: "toggle";
  /** What `--no-x` turns off. */
  readonly help: string;
}

/** What every option with a value has. */
export interface ValueOption {
  /** One line for the help text. */
  readonly help: string;
  /** Stands for the value in help texts: `FILE`. */
  readonly placeholder: string;
  /** Said in the help when something else than `default` decides. */
  readonly defaultText?: string;
  /** May be given several times; without it the last one wins. */
  readonly repeatable?: true;
  /** For positional arguments: must be given. */
  readonly required?: true;
}

/** `--config FILE` */
export interface TextOption extends ValueOption {
  /** Says which kind of option this is. */
  readonly type: "text";
  /** Its value when it is not given. */
  readonly default?: string;
  /** Checks a value, and may rewrite it; an empty one is refused before. */
  readonly parse?: (text: string) => Result<string>;
  /** What shells complete the value with. */
  readonly completes?: "file" | "directory" | readonly string[];
}

/** `--port N` */
export interface IntegerOption extends ValueOption {
  /** Says which kind of option this is. */
  readonly type: "integer";
  /** Least value. */
  readonly min: number;
  /** Greatest value. */
  readonly max: number;
  /** Its value when it is not given. */
  readonly default?: number;
}

/** `--timeout SECONDS`: more than 0, decimals allowed. */
export interface SecondsOption extends ValueOption {
  /** Says which kind of option this is. */
  readonly type: "seconds";
  /** Greatest value. */
  readonly max: number;
  /** Its value when it is not given. */
  readonly default?: number;
}

/** `--format text|json` */
export interface ChoiceOption extends Omit<ValueOption, "placeholder"> {
  /** Says which kind of option this is. */
  readonly type: "choice";
  /** All that may be chosen. */
  readonly choices: readonly string[];
  /** Its value when it is not given. */
  readonly default?: string;
}

/** One option. */
export type Option =
  | FlagOption
  | ToggleOption
  | TextOption
  | IntegerOption
  | SecondsOption
  | ChoiceOption;

/** Options, or positional arguments in their order, by camelCase key. */
export type OptionTable = Readonly<Record<string, Option>>;

/**
 * Two options that say different things, as they are typed (`--quiet`, or
 * `--format json` for one value alone), and why they do not go together.
 */
export type Conflict = readonly [one: string, other: string, why: string];

/** One command of a program. */
export interface Command {
  /** One line, as in a list of commands. */
  readonly summary: string;
  /** Options of this command alone. */
  readonly options: OptionTable;
  /** Arguments without an option, in their order. */
  readonly positionals?: Readonly<Record<string, TextOption | ChoiceOption>>;
  /** Options that are refused together. */
  readonly conflicts?: readonly Conflict[];
  /** Whole command lines, the most usual first. */
  readonly examples?: readonly string[];
  /** What else a reader of the help wants to know; whole lines. */
  readonly notes?: readonly string[];
}

/** A program and all it understands. `--help` and `--version` go without saying. */
export interface Program {
  /** The name to type. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** Options that every command takes. */
  readonly options: OptionTable;
  /**
   * Commands by the words that name them (`serve`, `manifest show`). A program
   * without commands has a single one, named "".
   */
  readonly commands: Readonly<Record<string, Command>>;
  /** One line for each first word that several commands share. */
  readonly groups?: Readonly<Record<string, string>>;
}

/** The type of one value of an option. */
export type Scalar<O> = O extends { type: "integer" | "seconds" } ? number
  : O extends { type: "choice"; choices: readonly (infer C)[] } ? C
  : string;

/** The type of an option once it is parsed. */
export type ValueOf<O> = O extends { type: "flag" } ? boolean
  : O extends { type: "toggle" } ? boolean | undefined
  : O extends { repeatable: true } ? readonly Scalar<O>[]
  : O extends { default: string | number } | { required: true } ? Scalar<O>
  : Scalar<O> | undefined;

/** The parsed values of a table's options. */
export type OptionValues<T> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** `stateDir` -> `state-dir` */
export function optionName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Every spelling of an option, as the user types it. */
export function optionSpellings(key: string, option: Option): string[] {
  const name = optionName(key);
  return option.type === "toggle"
    ? [`--no-${name}`, `--${name}`]
    : [`--${name}`];
}

/** What stands for the value in help texts; "" where there is none. */
export function valueName(option: Option): string {
  if (option.type === "choice") return option.choices.join("|");
  return "placeholder" in option ? option.placeholder : "";
}

/** A word that leads from one command to a longer one. */
export interface CommandStep {
  /** The command so far: "" at first. */
  readonly from: string;
  /** What is typed next. */
  readonly word: string;
  /** The command then. */
  readonly to: string;
}

/** Every word that is part of a command's name, shortest commands first. */
export function commandSteps(program: Program): CommandStep[] {
  const steps = new Map<string, CommandStep>();
  for (const command of Object.keys(program.commands)) {
    const words = command.split(" ").filter((word) => word !== "");
    words.forEach((word, i) => {
      const from = words.slice(0, i).join(" ");
      const to = words.slice(0, i + 1).join(" ");
      steps.set(to, { from, word, to });
    });
  }
  return [...steps.values()];
}

/** The line a user types to learn more: `plasmd serve --help`. */
export function helpCommand(program: Program, command: string): string {
  return [program.name, command, "--help"].filter((w) => w !== "").join(" ");
}
