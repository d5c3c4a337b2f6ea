import { dirname, isAbsolute, join } from "node:path";
import { parseChannel } from "../core/channel_arch.ts";
import { DEFAULT_DHT_PROTOCOL } from "../core/dht_protocol.ts";
import { nearest } from "../core/nearest.ts";
import { ok } from "../core/result.ts";
import { HEADED_CHANNELS, renameChannelTables } from "./channel_tables.ts";
import { readMachines } from "./machine_tables.ts";
import {
  type ChannelSettings,
  type ConfigLayer,
  DEFAULT_CONFIG,
  settingsFrom,
} from "./provider_config.ts";
import { type Check, parsePath } from "./setting_values.ts";
import { readList, readSetting, readText } from "./read_setting.ts";
import {
  ALL_SETTINGS,
  ARCHITECTURES,
  CHANNELS,
  DIRECTORY,
} from "./settings.ts";
import { readTomlFile, type TomlValue } from "./toml_file.ts";

/** The keys of each table, in the order of the rows of `SETTINGS`. */
const TABLES: ReadonlyMap<string, readonly string[]> = new Map(
  [...Map.groupBy(ALL_SETTINGS, ({ table }) => table)].map((
    [table, settings],
  ) => [table, [
    // Read by `readChannels()`, since they are no single values.
    ...table === "provider" ? ["channels", "channel"] : [],
    ...settings.map(({ name }) => name),
  ]]),
);

const CHANNEL_KEYS = ["artifacts_dir", "architectures"];

/**
 * Reads the text of a configuration file. Relative paths in it are relative to
 * the file's own directory.
 *
 * @param text TOML; the form of the specification, where `channels` is a list
 * and a table, is taken too
 * @param path of the file, as messages name it
 * @throws ConfigError with line and column of all that is wrong
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseConfigFile } from "./config_file.ts";
 * const file = parseConfigFile('[provider]\nchannels = ["beta"]', "plasmd.toml");
 * assert.deepEqual(file.channels, ["beta"]);
 * ```
 */
export function parseConfigFile(text: string, path: string): ConfigLayer {
  const directory = dirname(path);
  const locate: Check = (named) => {
    const parsed = parsePath(named);
    return parsed.ok && !isAbsolute(named)
      ? ok(join(directory, named))
      : parsed;
  };
  return readTomlFile(
    text,
    path,
    { toToml: renameChannelTables, placeOf },
    (root) => readLayer(root, locate),
  );
}

function placeOf(table: string): string {
  if (table.startsWith("machines.")) return " in [[machines]]";
  return table === ""
    ? " at the top level"
    : ` in [${table.replace(HEADED_CHANNELS, "channels")}]`;
}

function readLayer(root: TomlValue, locate: Check): ConfigLayer {
  const tables = knownMembers(root, [...TABLES.keys(), "machines"]);
  const given = new Map([...TABLES].map(([name, keys]) => [
    name,
    knownMembers(tables.get(name), keys),
  ]));
  const settings: ConfigLayer = settingsFrom(({ table, name, ...kind }) => {
    const value = given.get(table)?.get(name);
    return value && readSetting(kind, value, locate);
  });
  const { refreshIntervalSeconds, recordTtlSeconds } = settings.dht ?? {};
  const { recordTtlSeconds: usualTtl } = DEFAULT_CONFIG.dht;
  const ttl = recordTtlSeconds ?? usualTtl;
  // A record must be refreshed before it expires.
  if (refreshIntervalSeconds !== undefined && refreshIntervalSeconds >= ttl) {
    given.get("dht")?.get("refresh_interval")?.refuseKey(
      `"refresh_interval" (${refreshIntervalSeconds} s) must be less than "record_ttl" (${ttl} s) in [dht], set both`,
    );
  }
  if (settings.dht?.network === "amino") {
    refuseWithAmino(given.get("dht"), settings.dht.protocol);
  }
  return {
    ...settings,
    ...readChannels(given.get("provider"), locate),
    machines: readMachines(tables.get("machines")),
    dht: {
      ...settings.dht,
      // Half of a lifetime that was set without an interval.
      refreshIntervalSeconds: refreshIntervalSeconds ??
        (recordTtlSeconds && recordTtlSeconds / 2),
    },
  };
}

/** The public DHT dictates the protocol and the refresh interval. */
function refuseWithAmino(
  dht: ReadonlyMap<string, TomlValue> | undefined,
  protocol: string | undefined,
): void {
  if (protocol !== undefined && protocol !== DEFAULT_DHT_PROTOCOL) {
    dht?.get("protocol")?.refuseKey(
      `"protocol" and network = "amino" exclude each other in [dht]: the public DHT uses "${DEFAULT_DHT_PROTOCOL}", leave one of them out`,
    );
  }
  dht?.get("refresh_interval")?.refuseKey(
    '"refresh_interval" and network = "amino" exclude each other in [dht]: images are published again in the public DHT every 22 hours, leave one of them out',
  );
}

/**
 * `channels` is a list or a table; the tables in it and in `channel` are one.
 * Without a list, the tables name the channels; with one, they obey it.
 */
function readChannels(
  provider: ReadonlyMap<string, TomlValue> | undefined,
  locate: Check,
): Pick<ConfigLayer, "channels" | "channelSettings"> {
  const channels = provider?.get("channels");
  const isTable = channels?.members() !== undefined;
  const listed = channels && !isTable
    ? readList(CHANNELS, channels, locate)
    : undefined;
  const tables = [
    isTable ? channels : undefined,
    provider?.get(HEADED_CHANNELS),
    provider?.get("channel"),
  ].flatMap((form) => [...membersOf(form)])
    .sort(([, a], [, b]) => a.offset - b.offset);
  const channelSettings = new Map<string, ChannelSettings>();
  for (const [name, table] of tables) {
    const channel = parseChannel(name);
    if (!channel.ok) table.refuse(`is ${channel.reason}`, name);
    if (channelSettings.has(name)) table.refuseKey(setUpTwice(name));
    else if (listed?.includes(name) === false) {
      table.refuseKey(notListed(name, listed));
    }
    const own = knownMembers(table, CHANNEL_KEYS);
    const [directory, architectures] = CHANNEL_KEYS.map((key) => own.get(key));
    channelSettings.set(name, {
      artifactsDir: directory && readText(DIRECTORY, directory, locate),
      architectures: architectures &&
        readList(ARCHITECTURES, architectures, locate),
    });
  }
  const named = tables.length === 0 ? undefined : [...channelSettings.keys()];
  return { channels: listed ?? named, channelSettings };
}

/** What is in a table, without what it must not have. */
function knownMembers(
  table: TomlValue | undefined,
  known: readonly string[],
): ReadonlyMap<string, TomlValue> {
  const members = membersOf(table);
  for (const [key, member] of members) {
    if (known.includes(key) || key === HEADED_CHANNELS) continue;
    const [home] = [...TABLES].find(([, keys]) => keys.includes(key)) ?? [];
    member.refuseUnknown(known, home);
  }
  return members;
}

function membersOf(
  table: TomlValue | undefined,
): ReadonlyMap<string, TomlValue> {
  const members = table?.members();
  if (members === undefined) table?.refuse("must be a table");
  return members ?? new Map();
}

function setUpTwice(channel: string): string {
  return `channel "${channel}" is set up twice, in [provider.channels.${channel}] and in [provider.channel.${channel}], keep one of them`;
}

function notListed(channel: string, listed: readonly string[]): string {
  const near = nearest(channel, listed);
  return `channel "${channel}" has a table but is not in "channels", ${
    near === undefined
      ? "add it or remove the table"
      : `did you mean "${near}"?`
  }`;
}
