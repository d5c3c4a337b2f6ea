/** `--name`, with its value if it takes one and one follows. */
export interface OptionToken {
  /** Says which kind of token this is. */
  readonly kind: "option";
  /** Where it stands among the arguments. */
  readonly index: number;
  /** Without the dashes. */
  readonly name: string;
  /** As it was written, without the value. */
  readonly rawName: string;
  /** The next argument, even if it looks like an option. */
  readonly value?: string;
  /** Whether the value was joined with `=`; undefined without a value. */
  readonly inlineValue?: boolean;
}

/** What an argument is. */
export type ArgumentToken =
  | OptionToken
  | {
    readonly kind: "positional";
    readonly index: number;
    readonly value: string;
  }
  /** `--`: all that follow are positional. */
  | { readonly kind: "option-terminator"; readonly index: number };

/**
 * Splits arguments into what they are, and refuses none: how that is worded is
 * up to the caller. As `parseArgs` of node:util does, whose loading and first
 * use cost a booting box 3 ms; single-dash words are not taken apart.
 *
 * @param takesValue whether the option of this name has a value
 */
export function argumentTokens(
  args: readonly string[],
  takesValue: (name: string) => boolean,
): ArgumentToken[] {
  const tokens: ArgumentToken[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") {
      tokens.push({ kind: "option-terminator", index });
      for (const value of args.slice(index + 1)) {
        tokens.push({ kind: "positional", index: ++index, value });
      }
    } else if (arg.length < 2 || !arg.startsWith("-")) {
      tokens.push({ kind: "positional", index, value: arg });
    } else {
      const isLong = arg.startsWith("--");
      const equals = isLong ? arg.indexOf("=", 3) : -1;
      const rawName = equals < 0 ? arg : arg.slice(0, equals);
      const name = rawName.replace(/^--?/, "");
      const option = { kind: "option", index, name, rawName } as const;
      const next = args[index + 1];
      if (equals >= 0) {
        const value = arg.slice(equals + 1);
        tokens.push({ ...option, value, inlineValue: true });
      } else if (isLong && takesValue(name) && next !== undefined) {
        tokens.push({ ...option, value: next, inlineValue: false });
        index++;
      } else {
        tokens.push(option);
      }
    }
  }
  return tokens;
}
