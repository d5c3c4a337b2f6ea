import { parseChannel } from "../core/channel_arch.ts";
import { ok, refuse, type Result } from "../core/result.ts";

/**
 * What a machine does when it is switched on: boot an image, choose one from
 * the menu, or start from its own disk.
 */
export type BootWay = "network" | "menu" | "local";

/** What identifies a machine, each in the form that its `parse...()` gives. */
export interface MachineId {
  /** The MAC address it boots from: `52:54:00:12:34:56`. */
  readonly mac?: string;
  /** The UUID of SMBIOS, as text. */
  readonly uuid?: string;
  /**
   * The serial number of SMBIOS. DHCP does not carry it, so it counts in boot
   * scripts only.
   */
  readonly serial?: string;
}

/**
 * What the operator has set for one machine: a `[[machines]]` table of the
 * file.
 */
export interface MachineRow extends MachineId {
  /** What people call it. */
  readonly name?: string;
  /** What it boots, or the menu offers it first. */
  readonly channel?: string;
  /** Canonical; where it differs from what the machine itself says. */
  readonly arch?: string;
  /** `network` has a channel. */
  readonly boot: BootWay;
  /**
   * Words to append to the kernel command line, unsigned, in the form that
   * `parseCmdlineWords()` gives.
   */
  readonly cmdline?: string;
}

/** What becomes of machines without a row: `menu`, `ignore`, or a channel. */
export type UnknownMachines = string;

/** What a machine gets. */
export type BootChoice =
  | {
    readonly kind: "network";
    readonly channel: string;
    readonly arch?: string;
  }
  | {
    readonly kind: "menu";
    /** The channel that comes first. */
    readonly channel?: string;
  }
  | { readonly kind: "local" }
  /** Nothing: the machine is not ours. */
  | { readonly kind: "ignore" };

/** Rows indexed by their identifiers, since there may be thousands. */
const indexes = new WeakMap<
  readonly MachineRow[],
  ReadonlyMap<string, MachineRow>
>();

/** The row of a machine; of several, the one by MAC, then by UUID. */
export function rowFor(
  rows: readonly MachineRow[],
  id: MachineId,
): MachineRow | undefined {
  let index = indexes.get(rows);
  if (index === undefined) {
    index = new Map(
      rows.flatMap((row) => keysOf(row).map((key) => [key, row])),
    );
    indexes.set(rows, index);
  }
  for (const key of keysOf(id)) {
    const row = index.get(key);
    if (row !== undefined) return row;
  }
  return undefined;
}

function keysOf({ mac, uuid, serial }: MachineId): string[] {
  return Object.entries({ mac, uuid, serial })
    .flatMap(([kind, value]) =>
      value === undefined ? [] : [`${kind} ${value}`]
    );
}

/**
 * What a machine gets, by its row, or by the setting for machines without a
 * row.
 */
export function bootChoice(
  row: MachineRow | undefined,
  unknown: UnknownMachines,
): BootChoice {
  if (row === undefined) {
    return unknown === "menu" || unknown === "ignore"
      ? { kind: unknown }
      : { kind: "network", channel: unknown };
  }
  const { boot, channel, arch } = row;
  if (boot === "local") return { kind: "local" };
  return boot === "network" && channel !== undefined
    ? { kind: "network", channel, ...arch !== undefined && { arch } }
    : { kind: "menu", ...channel !== undefined && { channel } };
}

/**
 * Checks a MAC address in any usual spelling.
 *
 * @returns as in `52:54:00:12:34:56`
 */
export function parseMac(text: string): Result<string> {
  const isUsual = /^[0-9a-f]{2}([:-]?)(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i
    .test(text) || /^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}$/i.test(text);
  if (!isUsual) return refuse("not a MAC address, such as 52:54:00:12:34:56");
  const digits = text.toLowerCase().replaceAll(/[^0-9a-f]/g, "");
  return ok(digits.replaceAll(/..(?!$)/g, "$&:"));
}

/** Checks a UUID as text. @returns the same in lower case */
export function parseUuid(text: string): Result<string> {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
    ? ok(text.toLowerCase())
    : refuse("not a UUID, such as 4c4c4544-0051-4a10-8057-b7c04f4b5032");
}

/**
 * Checks the serial number of a machine: what SMBIOS has, without the blanks
 * around it.
 */
export function parseSerial(text: string): Result<string> {
  return /^[!-~](?:[ -~]{0,62}[!-~])?$/.test(text.trim())
    ? ok(text.trim())
    : refuse("not a serial number: 1 to 64 printable characters of ASCII");
}

/**
 * A machine's UUID as text, of the 16 bytes that DHCP carries (option 97 of RFC
 * 4578): SMBIOS 2.6 and later has the first three fields little-endian, and so
 * firmware sends them, while iPXE and GRUB show the text in this order.
 *
 * @returns undefined if it is not a UUID: wrong length, all zeros or all ones
 */
export function uuidOfBytes(bytes: Uint8Array): string | undefined {
  if (bytes.length !== 16) return undefined;
  if (bytes.every((byte) => byte === 0) || bytes.every((b) => b === 255)) {
    return undefined;
  }
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = order.map((at) => (bytes[at] ?? 0).toString(16).padStart(2, "0"))
    .join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Checks the setting for machines without a row. */
export function parseUnknownMachines(text: string): Result<UnknownMachines> {
  if (text === "menu" || text === "ignore") return ok(text);
  return parseChannel(text).ok
    ? ok(text)
    : refuse('not "menu", "ignore" or a channel');
}

/**
 * Checks words for a kernel's command line that iPXE and GRUB can both say as
 * they stand, whatever comes before them.
 *
 * @returns the words with one blank between them
 */
export function parseCmdlineWords(text: string): Result<string> {
  const words = text.split(/[ \t]+/).filter((word) => word !== "");
  if (words.length === 0 || text.length > 1024) {
    return refuse("not a line of words, 1 to 1024 characters");
  }
  const wrong = words.find((word) =>
    !/^[!#-&(-[\]-~]+$/.test(word) || word.includes("${") ||
    /^(\|\||&&|;|#.*)$/.test(word)
  );
  return wrong === undefined ? ok(words.join(" ")) : refuse(
    "not words that boot loaders can pass on: printable ASCII without quotes, backslashes and ${, and no word that is ||, && or ; or begins with #",
  );
}
