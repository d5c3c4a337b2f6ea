import { ok, refuse, type Result } from "../core/result.ts";
import { readTomlFile } from "./toml_file.ts";

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

type Key = keyof ImageFile;

const MAX_ITEMS = 256;

/** What each key takes; a reason completes a sentence that begins with the key. */
const READERS: {
  readonly [K in Key]-?: (value: unknown) => Result<Required<ImageFile>[K]>;
} = {
  kernel: pathLike('"vmlinuz"'),
  initramfs: pathsLike('["intel-ucode.img", "initrd.img"]'),
  rootfs: pathLike('"rootfs.squashfs"'),
  dtbs: pathsLike('["dtbs/**"]'),
  cmdline: (value) =>
    isText(value, 4096, true)
      ? ok(value)
      : refuse("must be one line of text, at most 4096 characters"),
  version: (value) =>
    isText(value, 64, false)
      ? ok(value)
      : refuse("must be one line of text, 1 to 64 characters"),
  files: pathsLike('["*.raw.xz"]'),
  checksums: pathLike('"SHA256SUMS"'),
};

const KEYS = Object.keys(READERS) as Key[];

/**
 * Reads the text of an `image.toml`.
 *
 * @param path of the file, as messages name it
 * @throws ConfigError with line and column of all that is wrong
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
  return readTomlFile(text, path, {}, (root) => {
    const values: { [key: string]: unknown } = {};
    for (const [name, given] of root.members() ?? []) {
      const key = KEYS.find((known) => known === name);
      if (key === undefined) {
        given.refuseUnknown(KEYS);
        continue;
      }
      const read = READERS[key](given.value);
      values[key] = read.ok ? read.value : given.refuse(read.reason);
    }
    // Holds because each value is what the reader of its key made.
    return values as ImageFile;
  });
}

function pathLike(example: string): (value: unknown) => Result<string> {
  return (value) =>
    isPath(value)
      ? ok(value)
      : refuse(`must be a path below the directory, such as ${example}`);
}

/** One path alone is a list of one. */
function pathsLike(
  example: string,
): (value: unknown) => Result<readonly string[]> {
  return (value) => {
    const paths = Array.isArray(value) ? value : [value];
    return paths.length <= MAX_ITEMS && paths.every(isPath)
      ? ok(paths)
      : refuse(
        `must be a list of paths below the directory, such as ${example}`,
      );
  };
}

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
