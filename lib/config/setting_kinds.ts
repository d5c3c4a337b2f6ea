import {
  DEFAULT_ARCHITECTURES,
  DEFAULT_CHANNELS,
  parseArch,
  parseChannel,
} from "../core/channel_arch.ts";
import type {
  FlagOption,
  IntegerOption,
  TextOption,
  ToggleOption,
} from "./option_table.ts";

/** A whole number. */
export interface IntegerKind
  extends Pick<IntegerOption, "type" | "min" | "max"> {
  /** Of what it is a number, for messages. */
  readonly unit?: string;
}

/**
 * A text, or a list of texts where it is `repeatable`. One that completes files
 * or directories is a path: in a file, relative to the directory of that file.
 */
export interface TextKind
  extends Pick<TextOption, "type" | "parse" | "repeatable" | "completes"> {
  /** A list as it is written in a file. */
  readonly example?: string;
  /** Whether a list must have an item, since nothing would work without. */
  readonly isRequired?: true;
}

/**
 * What values a setting takes, as data: the schema of the file is made from it,
 * and with a help text it is an option of the command line. `flag` and `toggle`
 * are both true or false.
 */
export type SettingKind =
  | IntegerKind
  | TextKind
  | Pick<FlagOption, "type">
  | Pick<ToggleOption, "type">;

/** A TCP port; 0 takes a free one. */
export const PORT = { type: "integer", min: 0, max: 65_535 } as const;

/** A duration of a second to a day. */
export const SECONDS = {
  type: "integer",
  min: 1,
  max: 86_400,
  unit: "seconds",
} as const;

/** Off by default: `--x`. */
export const FLAG = { type: "flag" } as const;

/** On by default: `--no-x`. */
export const TOGGLE = { type: "toggle" } as const;

/** A path. */
export const DIRECTORY = { type: "text", completes: "directory" } as const;

/** A path. */
export const FILE = { type: "text", completes: "file" } as const;

/** Release channels. */
export const CHANNELS = {
  type: "text",
  repeatable: true,
  parse: parseChannel,
  completes: DEFAULT_CHANNELS,
  example: tomlList(DEFAULT_CHANNELS),
  isRequired: true,
} as const;

/** Architectures, canonical. */
export const ARCHITECTURES = {
  type: "text",
  repeatable: true,
  parse: parseArch,
  completes: DEFAULT_ARCHITECTURES,
  example: tomlList(DEFAULT_ARCHITECTURES),
  isRequired: true,
} as const;

function tomlList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
}
