import { ConfigError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { lineAndColumn, readToml } from "./read_toml.ts";
import { TomlOutline, type TomlPath } from "./toml_outline.ts";

/** How many errors are reported at once. */
const MAX_TOLD = 20;

/** What is wrong in a file. */
export interface Mistake {
  /** Where it stands in the text. */
  readonly offset: number;
  /** Names the key. */
  readonly problem: string;
}

/** How a file is read. */
export interface TomlForm {
  /**
   * Makes a text TOML, with all that is in it in the same place.
   * @default none: it is
   */
  readonly toToml?: (text: string) => string;
  /**
   * How messages name a table, which is empty outside of all: `in [dht]`, after
   * a blank.
   * @default not at all, where there are no tables
   */
  readonly placeOf?: (table: string) => string;
}

/** What the values of a file share. */
export interface FileOfValues extends Required<Pick<TomlForm, "placeOf">> {
  /** Where they stand. */
  readonly outline: TomlOutline;
  /** Collects errors. */
  readonly mistakes: Mistake[];
}

/** A value of a TOML file, which says where it stands when it is refused. */
export class TomlValue {
  /** Parsed. */
  readonly value: unknown;
  readonly #path: TomlPath;
  readonly #file: FileOfValues;

  /** Used by `readTomlFile()`. */
  constructor(value: unknown, path: TomlPath, file: FileOfValues) {
    this.value = value;
    this.#path = path;
    this.#file = file;
  }

  /** Offset of its key, or of the nearest table around it that has one. */
  get offset(): number {
    return this.#file.outline.offsetOf(this.#path, "key");
  }

  /** What is in a list; undefined when it is none. */
  items(): TomlValue[] | undefined {
    return Array.isArray(this.value)
      ? this.value.map((item, index) => this.#below(item, index))
      : undefined;
  }

  /** What is in a table, by its key; undefined when it is none. */
  members(): Map<string, TomlValue> | undefined {
    const { value } = this;
    // A date is an object, too.
    return typeof value !== "object" || value === null ||
        Array.isArray(value) || value instanceof Date
      ? undefined
      : new Map(
        Object.entries(value).map(([key, member]) => [
          key,
          this.#below(member, key),
        ]),
      );
  }

  /**
   * Refuses the value, where it begins.
   *
   * @param rule completes a sentence that begins with the name of the key:
   * `must be true or false`
   * @param got the actual value
   */
  refuse(rule: string, got = this.value): undefined {
    this.#refuse(
      "value",
      `${this.#name(this.#path)} ${rule}, got ${shown(got)}`,
    );
  }

  /** Refuses the value of a key, with a sentence of its own. */
  refuseKey(problem: string): void {
    this.#refuse("key", problem);
  }

  /**
   * Refuses the key, since it is none that is known.
   *
   * @param known the keys that its table may have
   * @param home the table that it belongs in, if there is one
   */
  refuseUnknown(known: readonly string[], home?: string): void {
    const key = `${this.#path.at(-1) ?? ""}`;
    const near = nearest(key, known);
    const remedy = near !== undefined
      ? `did you mean "${near}"?`
      : home !== undefined
      ? `it belongs in [${home}]`
      : `known are ${known.join(", ")}`;
    const place = this.#place(this.#path.slice(0, -1));
    this.refuseKey(`unknown key "${printable(key, 80)}"${place}, ${remedy}`);
  }

  #refuse(part: "key" | "value", problem: string): void {
    const offset = this.#file.outline.offsetOf(this.#path, part);
    this.#file.mistakes.push({ offset, problem });
  }

  #below(value: unknown, key: string | number): TomlValue {
    return new TomlValue(value, [...this.#path, key], this.#file);
  }

  /** `"port" in [provider]`, `item 2 of "channels" in [provider]` */
  #name(path: TomlPath): string {
    const last = path.at(-1) ?? "";
    const above = path.slice(0, -1);
    return typeof last === "number"
      ? `item ${last + 1} of ${this.#name(above)}`
      : `"${printable(last)}"${this.#place(above)}`;
  }

  #place(table: TomlPath): string {
    return printable(this.#file.placeOf(table.join(".")));
  }
}

/**
 * Reads a TOML file by its values.
 *
 * @param path of the file, as messages name it
 * @param read takes the values from the file, and refuses invalid ones
 * @throws ConfigError with line and column of what is not TOML, or of all that
 * was refused
 */
export function readTomlFile<T>(
  text: string,
  path: string,
  { toToml = (text) => text, placeOf = () => "" }: TomlForm,
  read: (root: TomlValue) => T,
): T {
  const written = text.replace(/^\uFEFF/, "");
  const toml = toToml(written);
  const document = readToml(toml, path, written);
  const mistakes: Mistake[] = [];
  const outline = new TomlOutline(toml);
  const result = read(
    new TomlValue(document, [], { outline, mistakes, placeOf }),
  );
  const [first, ...others] = mistakes.sort((a, b) => a.offset - b.offset)
    .map(({ offset, problem }) => ({
      ...lineAndColumn(written, offset),
      problem,
    }));
  if (first === undefined) return result;
  const { problem, ...position } = first;
  const told = others.slice(0, MAX_TOLD - 1).map(({ line, column, problem }) =>
    `; line ${line} column ${column}: ${problem}`
  );
  const left = others.length - told.length;
  throw new ConfigError(
    { path, ...position },
    `${problem}${told.join("")}${left > 0 ? `; and ${left} more` : ""}`,
  );
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "string") return `"${printable(value, 80)}"`;
  return typeof value === "object" ? "a table" : String(value);
}
