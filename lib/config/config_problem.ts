import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { KNOWN_KEYS, type SchemaIssue } from "./config_schema.ts";
import type { TomlOutline } from "./toml_outline.ts";

/** What is wrong with a configuration file, and where. */
export interface ConfigProblem {
  /** Offset in the text. */
  readonly offset: number;
  /** Without the place, and without a final period. */
  readonly message: string;
}

type Path = readonly (string | number)[];

/**
 * Words the first thing in the text that a schema refused.
 *
 * @param renamed channels whose table the user named `[provider.channels.X]`
 */
export function firstProblem(
  issues: readonly SchemaIssue[],
  outline: TomlOutline,
  renamed: ReadonlySet<string>,
): ConfigProblem {
  const problems = issues.map((issue) => problemOf(issue, outline, renamed));
  return problems.reduce((a, b) => b.offset < a.offset ? b : a);
}

function problemOf(
  issue: SchemaIssue,
  outline: TomlOutline,
  renamed: ReadonlySet<string>,
): ConfigProblem {
  const path = issuePath(issue);
  const spelled = asSpelled(path, renamed);
  if (issue.type === "strict_object") {
    return {
      offset: outline.offsetOf(path, "key"),
      message: unknownKey(path, spelled),
    };
  }
  return {
    offset: outline.offsetOf(path, "value"),
    message: `${subject(spelled)} ${issue.message}, got ${shown(issue.input)}`,
  };
}

function issuePath(issue: SchemaIssue): (string | number)[] {
  return (issue.path ?? []).map(({ key }) =>
    typeof key === "number" ? key : String(key)
  );
}

/** The path in the words of the file, which may have been renamed to be parsed. */
function asSpelled(path: Path, renamed: ReadonlySet<string>): Path {
  const [provider, form, channel, ...rest] = path;
  return provider === "provider" && form === "channel" &&
      typeof channel === "string" && renamed.has(channel)
    ? [provider, "channels", channel, ...rest]
    : path;
}

/** `"port" in [provider]`, `item 2 of "channels" in [provider]` */
function subject(path: Path): string {
  const last = path.at(-1) ?? "";
  const above = path.slice(0, -1);
  return typeof last === "number"
    ? `item ${last + 1} of ${subject(above)}`
    : `"${printable(last)}" ${place(above)}`;
}

function place(table: Path): string {
  return table.length === 0
    ? "at the top level"
    : `in [${printable(table.join("."))}]`;
}

function unknownKey(path: Path, spelled: Path): string {
  const key = String(path.at(-1) ?? "");
  const table = path.slice(0, -1);
  const found = `unknown key "${printable(key)}" ${
    place(spelled.slice(0, -1))
  }`;
  const known = KNOWN_KEYS.get(tableName(table)) ?? [];
  const near = nearest(key, known);
  if (near !== undefined) return `${found}, did you mean "${near}"?`;
  const home = [...KNOWN_KEYS].find(([name, keys]) =>
    name !== "" && keys.includes(key)
  );
  return home === undefined
    ? `${found}, known are ${known.join(", ")}`
    : `${found}, it belongs in [${home[0]}]`;
}

function tableName(table: Path): string {
  const [provider, form, channel] = table;
  return provider === "provider" && channel !== undefined &&
      (form === "channel" || form === "channels")
    ? "provider.channels.*"
    : table.join(".");
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "string") return `"${printable(value, 80)}"`;
  return typeof value === "object" ? "a table" : String(value);
}
