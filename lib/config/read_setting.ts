import { ok } from "../core/result.ts";
import type { Check } from "./setting_values.ts";
import type { SettingKind, TextKind } from "./settings.ts";
import type { TomlValue } from "./toml_file.ts";

/**
 * Checks the value of a setting in a file.
 *
 * @param locate gives a path, as it is written, as one that can be opened
 * @returns undefined if refused; of a list, the valid items
 */
export function readSetting(
  kind: SettingKind,
  given: TomlValue,
  locate: Check,
): unknown {
  const { value } = given;
  switch (kind.type) {
    case "flag":
    case "toggle":
      return typeof value === "boolean"
        ? value
        : given.refuse("must be true or false");
    case "integer": {
      const { min, max, unit } = kind;
      if (
        typeof value === "number" && Number.isInteger(value) &&
        value >= min && value <= max
      ) return value;
      return given.refuse(
        `must be a whole number from ${min} to ${max}${
          unit === undefined ? "" : ` (${unit})`
        }`,
      );
    }
    case "text":
      return kind.repeatable
        ? readList(kind, given, locate)
        : readText(kind, given, locate);
  }
}

/** A single text; the same. */
export function readText(
  { parse = ok, completes }: TextKind,
  given: TomlValue,
  locate: Check,
): string | undefined {
  if (typeof given.value !== "string") return given.refuse("must be a string");
  const isPath = completes === "file" || completes === "directory";
  const parsed = (isPath ? locate : parse)(given.value);
  return parsed.ok ? parsed.value : given.refuse(`is ${parsed.reason}`);
}

/** A list of texts without duplicates; the same. Of what has no example, one is written as such. */
export function readList(
  kind: TextKind,
  given: TomlValue,
  locate: Check,
): readonly string[] | undefined {
  const { example, isRequired } = kind;
  const isOne = example === undefined && typeof given.value === "string";
  const items = isOne ? [given] : given.items();
  if (items === undefined) {
    return given.refuse(
      example === undefined
        ? "must be a string or a list of strings"
        : `must be a list, such as ${example}`,
    );
  }
  if (isRequired && items.length === 0) {
    return given.refuse("must not be empty, leave it out for the default");
  }
  const texts = items.map((item) => readText(kind, item, locate))
    .filter((text) => text !== undefined);
  return [...new Set(texts)];
}
