import { UsageError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import {
  type ArgumentToken,
  argumentTokens,
  type OptionToken,
} from "./argument_tokens.ts";
import {
  type Command,
  commandSteps,
  helpCommand,
  type Option,
  optionSpellings,
  type OptionTable,
  type OptionValues,
  type Program,
  valueName,
} from "./option_table.ts";
import { checkValue } from "./option_value.ts";

/** The parsed values of one command: its options, the common ones and its arguments. */
export type InvocationValues<P extends Program, C extends Command> =
  & OptionValues<P["options"]>
  & OptionValues<C["options"]>
  & (C extends { positionals: infer A } ? OptionValues<A> : unknown);

/** The request that a command line makes. */
export type Invocation<P extends Program> =
  | {
    readonly [C in keyof P["commands"] & string]: {
      readonly kind: "run";
      readonly command: C;
      readonly values: InvocationValues<P, P["commands"][C]>;
    };
  }[keyof P["commands"] & string]
  /** `command` may be "" or the first word of several. */
  | { readonly kind: "help"; readonly command: string }
  | { readonly kind: "version" };

const BUILT_IN = ["--help", "-h", "--version", "-V"];

/**
 * Reads a command line. `help COMMAND` is `COMMAND --help`, which wins over everything after it that is wrong;
 * `--` ends the options; of an option given twice the last one counts, unless
 * it is repeatable.
 *
 * @param argv without the program's own name
 * @throws UsageError that names the option, and the command to learn more
 */
export function parseCommandLine<const P extends Program>(
  argv: readonly string[],
  program: P,
): Invocation<P> {
  const terminator = argv.indexOf("--");
  const beforeTerminator = terminator < 0 ? argv : argv.slice(0, terminator);
  const asked = (...spellings: string[]) =>
    beforeTerminator.some((arg) => spellings.includes(arg));
  if (argv[0] === "help") return helpFor(argv.slice(1), program);
  const { words, command, rest } = findCommand(argv, program);
  if (asked("--help", "-h")) return { kind: "help", command: words };
  if (asked("--version", "-V")) return { kind: "version" };
  if (command === undefined) throw missingCommand(program, words);
  const values = parseOptions(rest, command, program, words);
  // Holds because `values` has, for every option and argument of the command
  // named by `words`, what readValue() made of it.
  return { kind: "run", command: words, values } as Invocation<P>;
}

/** `help`, and the words of a command or of a group of them. */
function helpFor(
  argv: readonly string[],
  program: Program,
): { readonly kind: "help"; readonly command: string } {
  const { words, rest } = findCommand(argv, program);
  const [unexpected] = rest;
  if (unexpected === undefined) return { kind: "help", command: words };
  throw new UsageError(
    `Unexpected argument "${printable(unexpected)}". See ${
      helpCommand(program, words)
    }`,
  );
}

/** Splits off the words that name the command, wherever common options stand. */
function findCommand(argv: readonly string[], program: Program): {
  readonly words: string;
  readonly command?: Command;
  readonly rest: readonly string[];
} {
  const single = program.commands[""];
  if (single !== undefined) return { words: "", command: single, rest: argv };
  const names = optionsByName(program.options);
  let words = "";
  const wordIndexes: number[] = [];
  for (const token of tokenize(argv, names)) {
    if (token.kind === "option-terminator") break;
    if (token.kind === "option") {
      if (names.has(token.name) || BUILT_IN.includes(token.rawName)) continue;
      throw new UsageError(
        `Unknown option "${
          printable(token.rawName)
        }" before the command. Put the command first: ${program.name} ${
          words === "" ? "COMMAND" : `${words} COMMAND`
        } ${printable(token.rawName)}. See ${helpCommand(program, words)}`,
      );
    }
    const longer = words === "" ? token.value : `${words} ${token.value}`;
    wordIndexes.push(token.index);
    const command = Object.hasOwn(program.commands, longer)
      ? program.commands[longer]
      : undefined;
    if (command !== undefined) {
      const rest = argv.filter((_, i) => !wordIndexes.includes(i));
      return { words: longer, command, rest };
    }
    if (nextWords(program, longer).length === 0) {
      throw unknownCommand(program, words, token.value);
    }
    words = longer;
  }
  return { words, rest: [] };
}

function parseOptions(
  args: readonly string[],
  command: Command,
  program: Program,
  words: string,
): Record<string, unknown> {
  const table = { ...command.options, ...program.options };
  const named = optionsByName(table);
  const see = `See ${helpCommand(program, words)}`;
  const given = new Map<string, (string | number | boolean)[]>();
  const spelled = new Map<string, string>();
  const positionals: { value: string; hint: string }[] = [];
  let repeatHint = { index: -1, hint: "" };
  for (const token of tokenize(args, named)) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      const hint = token.index === repeatHint.index ? repeatHint.hint : "";
      positionals.push({ value: token.value, hint });
      continue;
    }
    const entry = named.get(token.name);
    if (entry === undefined || !token.rawName.startsWith("--")) {
      const known = [...named.keys(), "help", "version"].map((n) => `--${n}`);
      throw new UsageError(
        `Unknown option "${printable(token.rawName)}". ${
          didYouMean(token.rawName, known)
        }${see}`,
      );
    }
    const { key, option } = entry;
    const value = readValue(option, token, args, see);
    given.set(key, [...given.get(key) ?? [], value]);
    spelled.set(token.rawName, `${token.rawName} ${value}`);
    if ("repeatable" in option && token.inlineValue === false) {
      repeatHint = {
        index: token.index + 2,
        hint: `Repeat the option for each value: ${token.rawName} ${
          printable(token.value ?? "")
        } ${token.rawName} `,
      };
    }
  }
  refuseConflict(command, spelled, see);
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    values[key] = settle(option, given.get(key));
  }
  return { ...values, ...readPositionals(positionals, command, see) };
}

/** Where an option was given twice, its last value counts here as well. */
function refuseConflict(
  { conflicts = [] }: Command,
  spelled: ReadonlyMap<string, string>,
  see: string,
): void {
  const isGiven = (option: string) =>
    [...spelled].some((forms) => forms.includes(option));
  for (const [one, other, why] of conflicts) {
    if (!isGiven(one) || !isGiven(other)) continue;
    throw new UsageError(
      `Cannot use ${one} together with ${other}: ${why}. ${see}`,
    );
  }
}

function readPositionals(
  given: readonly { readonly value: string; readonly hint: string }[],
  command: Command,
  see: string,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  let left = given;
  for (const [key, argument] of Object.entries(command.positionals ?? {})) {
    const count = argument.repeatable ? left.length : 1;
    const own = left.slice(0, count);
    left = left.slice(count);
    const label = valueName(argument);
    if (argument.required && own.length === 0) {
      throw new UsageError(`Missing argument ${label}. ${see}`);
    }
    const checked = own.map(({ value }) =>
      checkValue(argument, label, value, see)
    );
    values[key] = settle(argument, checked);
  }
  const [unexpected] = left;
  if (unexpected !== undefined) {
    const { value, hint } = unexpected;
    throw new UsageError(
      `Unexpected argument "${printable(value)}". ${
        hint === "" ? "" : `${hint}${printable(value)}. `
      }${see}`,
    );
  }
  return values;
}

/** The value of an option, from all its values in order. */
function settle(
  option: Option,
  given: readonly (string | number | boolean)[] = [],
): unknown {
  if (option.type === "flag") return given.length > 0;
  if (option.type === "toggle") return given.at(-1);
  if (option.repeatable) return given;
  return given.at(-1) ?? option.default;
}

/** The value of one option token, checked. */
function readValue(
  option: Option,
  token: OptionToken,
  args: readonly string[],
  see: string,
): string | number | boolean {
  const label = token.rawName;
  if (option.type === "flag" || option.type === "toggle") {
    if (token.value !== undefined) {
      throw new UsageError(`Option ${label} takes no value. ${see}`);
    }
    return !(option.type === "toggle" && label.startsWith("--no-"));
  }
  const next = args[token.index + 1] ?? "";
  const isNumber = option.type === "integer" || option.type === "seconds";
  if (token.inlineValue !== true && isNumber && /^-[\d.]/.test(next)) {
    return checkValue(option, label, next, see);
  }
  // A value that looks like an option is far more often a forgotten value;
  // `--name=-x` says it is meant.
  const forgotten = token.value === undefined ||
    (!token.inlineValue && /^-./.test(token.value));
  if (forgotten || token.value === "") {
    throw new UsageError(
      `Option ${label} needs a value: ${label} ${valueName(option)}. ${see}`,
    );
  }
  return checkValue(option, label, token.value ?? "", see);
}

/** Splits arguments by the known options. */
function tokenize(
  args: readonly string[],
  named: ReturnType<typeof optionsByName>,
): ArgumentToken[] {
  return argumentTokens(args, (name) => {
    const type = named.get(name)?.option.type ?? "flag";
    return type !== "flag" && type !== "toggle";
  });
}

function optionsByName(
  table: OptionTable,
): Map<string, { readonly key: string; readonly option: Option }> {
  const named = new Map<string, { key: string; option: Option }>();
  for (const [key, option] of Object.entries(table)) {
    for (const spelling of optionSpellings(key, option)) {
      named.set(spelling.slice(2), { key, option });
    }
  }
  return named;
}

function didYouMean(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? "" : `Did you mean ${near}? `;
}

/** The words that may follow `words`. */
function nextWords(program: Program, words: string): string[] {
  return commandSteps(program).filter(({ from }) => from === words)
    .map(({ word }) => word);
}

function unknownCommand(
  program: Program,
  words: string,
  word: string,
): UsageError {
  const known = nextWords(program, words);
  const near = didYouMean(word, known);
  return new UsageError(
    `Unknown command "${
      printable(words === "" ? word : `${words} ${word}`)
    }". ${near === "" ? `Known are ${known.join(", ")}. ` : near}See ${
      helpCommand(program, words)
    }`,
  );
}

function missingCommand(program: Program, words: string): UsageError {
  const known = nextWords(program, words).join(", ");
  return new UsageError(
    `Missing command after "${
      words === "" ? program.name : `${program.name} ${words}`
    }", one of ${known}. See ${helpCommand(program, words)}`,
  );
}
