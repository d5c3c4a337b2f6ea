import { ConfigError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { readToml } from "./read_toml.ts";
import { lineAndColumn, TomlOutline } from "./toml_outline.ts";

/**
 * What an `image.toml` says of the directory it is in; what it does not say is
 * decided by names. Paths are relative to the directory, and so are patterns,
 * in which `*` and `?` stand for characters of one name and `**` for
 * directories.
 */
export interface ImageFile {
  /** Path. */
  readonly kernel?: string;
  /** Paths in the order to load them in, microcode first. */
  readonly initramfs?: readonly string[];
  /** Path. */
  readonly rootfs?: string;
  /** Patterns of device trees. */
  readonly dtbs?: readonly string[];
  /** The kernel command line, instead of the file `cmdline`. */
  readonly cmdline?: string;
  /** The version, instead of the file `version`. */
  readonly version?: string;
  /** Patterns of what else is part of the image; none: nothing is. */
  readonly files?: readonly string[];
  /** Path of a list of SHA-256 digests, as `sha256sum` writes it. */
  readonly checksums?: string;
}

const KEYS = [
  "kernel",
  "initramfs",
  "rootfs",
  "dtbs",
  "cmdline",
  "version",
  "files",
  "checksums",
] as const;
type Key = (typeof KEYS)[number];

const MAX_ITEMS = 256;

/**
 * Reads the text of an `image.toml`.
 *
 * @param path of the file, as messages name it
 * @throws ConfigError with line and column of what is wrong
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseImageFile } from "./image_file.ts";
 * const { initramfs } = parseImageFile('initramfs = "initrd.gz"', "image.toml");
 * assert.deepEqual(initramfs, ["initrd.gz"]);
 * ```
 */
export function parseImageFile(text: string, path: string): ImageFile {
  const toml = text.replace(/^\uFEFF/, "");
  const document = Object.entries(readToml(toml, path) ?? {});
  const outline = new TomlOutline(toml);
  const fail = (key: string, part: "key" | "value", problem: string): never => {
    const offset = outline.offsetOf([key], part);
    throw new ConfigError({ path, ...lineAndColumn(toml, offset) }, problem);
  };
  const values = new Map<Key, string | readonly string[]>();
  for (const [name, value] of document) {
    const key = KEYS.find((known) => known === name);
    if (key === undefined) return fail(name, "key", unknownKey(name));
    const problem = problemOf(key, value);
    if (problem !== undefined) {
      return fail(key, "value", `"${key}" ${problem}`);
    }
    values.set(key, value);
  }
  const text1 = (key: Key) => {
    const value = values.get(key);
    return typeof value === "string" ? { [key]: value } : {};
  };
  const list = (key: Key) => {
    const value = values.get(key);
    if (value === undefined) return {};
    return { [key]: typeof value === "string" ? [value] : value };
  };
  return {
    ...text1("kernel"),
    ...list("initramfs"),
    ...text1("rootfs"),
    ...list("dtbs"),
    ...text1("cmdline"),
    ...text1("version"),
    ...list("files"),
    ...text1("checksums"),
  };
}

function unknownKey(name: string): string {
  const near = nearest(name, KEYS);
  return `unknown key "${printable(name, 80)}", ${
    near === undefined
      ? `known are ${KEYS.join(", ")}`
      : `did you mean "${near}"?`
  }`;
}

/** What is wrong with a value, completing a sentence that begins with its key. */
function problemOf(key: Key, value: unknown): string | undefined {
  switch (key) {
    case "cmdline":
      return isText(value, 4096, true)
        ? undefined
        : "must be one line of text, at most 4096 characters";
    case "version":
      return isText(value, 64, false)
        ? undefined
        : "must be one line of text, 1 to 64 characters";
    case "kernel":
    case "rootfs":
    case "checksums":
      return isPath(value)
        ? undefined
        : `must be a path below the directory, such as ${EXAMPLES[key]}`;
    case "initramfs":
    case "dtbs":
    case "files":
      return isPath(value) || (Array.isArray(value) &&
          value.length <= MAX_ITEMS && value.every(isPath))
        ? undefined
        : `must be a list of paths below the directory, such as ${
          EXAMPLES[key]
        }`;
  }
}

const EXAMPLES = {
  kernel: '"vmlinuz"',
  rootfs: '"rootfs.squashfs"',
  checksums: '"SHA256SUMS"',
  initramfs: '["intel-ucode.img", "initrd.img"]',
  dtbs: '["dtbs/**"]',
  files: '["*.raw.xz"]',
};

function isText(
  value: unknown,
  maxLength: number,
  mayBeEmpty: boolean,
): value is string {
  return typeof value === "string" && value.length <= maxLength &&
    value.isWellFormed() && !/\p{Cc}/u.test(value) &&
    (mayBeEmpty || value.trim() !== "");
}

/** Relative, and never out of the directory. */
function isPath(value: unknown): value is string {
  return isText(value, 512, false) &&
    value.split("/").every((part) => !["", ".", ".."].includes(part));
}
