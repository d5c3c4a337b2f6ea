import { parseArch, parseChannel } from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";
import {
  type BootWay,
  type MachineRow,
  parseCmdlineWords,
  parseMac,
  parseSerial,
  parseUuid,
} from "../machines/machine_rows.ts";
import { MAX_MACHINES } from "../machines/machine_steps.ts";
import { parseProviderName } from "./setting_values.ts";
import type { TomlValue } from "./toml_file.ts";

/** What each text in a row must be. */
const TEXTS = {
  mac: parseMac,
  uuid: parseUuid,
  serial: parseSerial,
  name: parseProviderName,
  channel: parseChannel,
  arch: parseArch,
  cmdline: parseCmdlineWords,
} as const satisfies Partial<
  Record<keyof MachineRow, (text: string) => Result<string>>
>;

const TEXT_KEYS = Object.keys(TEXTS) as (keyof typeof TEXTS)[];
const KEYS: readonly string[] = [...TEXT_KEYS, "boot"];
/** The keys that identify a machine: no two rows may share a value. */
const IDS = ["mac", "uuid", "serial"] as const;
const BOOT_WAYS: readonly BootWay[] = ["network", "menu", "local"];

/**
 * Reads `[[machines]]`, one row for each machine; refuses what is wrong, and
 * rows that name the same machine.
 */
export function readMachines(
  given: TomlValue | undefined,
): readonly MachineRow[] | undefined {
  const tables = given?.items();
  if (given === undefined) return undefined;
  if (tables === undefined) {
    return given.refuse("must be a list of tables, each as [[machines]]");
  }
  if (tables.length > MAX_MACHINES) {
    return given.refuse(`must be at most ${MAX_MACHINES} machines`);
  }
  const known = new Map(IDS.map((id) => [id, new Set<string>()]));
  return tables.flatMap((table) => {
    const row = readMachine(table);
    if (row === undefined) return [];
    for (const id of IDS) {
      const value = row[id];
      if (value === undefined) continue;
      if (known.get(id)?.has(value)) {
        table.refuseKey(
          `a machine with the ${id} "${value}" has a row already, keep one of them`,
        );
      }
      known.get(id)?.add(value);
    }
    return [row];
  });
}

function readMachine(table: TomlValue): MachineRow | undefined {
  const members = table.members();
  if (members === undefined) return table.refuse("must be a table");
  for (const [key, member] of members) {
    if (!KEYS.includes(key)) member.refuseUnknown(KEYS);
  }
  const texts: { -readonly [K in keyof typeof TEXTS]?: string } = {};
  for (const key of TEXT_KEYS) {
    const member = members.get(key);
    if (member === undefined) continue;
    const text = readText(member, TEXTS[key]);
    if (text !== undefined) texts[key] = text;
  }
  if (IDS.every((id) => !members.has(id))) {
    table.refuseKey(
      'a machine needs a "mac", a "uuid" or a "serial" to be known by',
    );
  }
  const boot = readBoot(members.get("boot")) ??
    (members.has("channel") ? "network" : "menu");
  if (boot === "network" && !members.has("channel")) {
    members.get("boot")?.refuseKey(
      'boot = "network" needs a "channel" to boot, such as channel = "stable"',
    );
  }
  return { ...texts, boot };
}

function readText(
  given: TomlValue,
  parse: (text: string) => Result<string>,
): string | undefined {
  if (typeof given.value !== "string") return given.refuse("must be a string");
  const parsed = parse(given.value);
  return parsed.ok ? parsed.value : given.refuse(`is ${parsed.reason}`);
}

function readBoot(given: TomlValue | undefined): BootWay | undefined {
  if (given === undefined) return undefined;
  return BOOT_WAYS.find((way) => way === given.value) ??
    given.refuse(`must be "network", "menu" or "local"`);
}
