import {
  DEFAULT_ARCHITECTURES,
  DEFAULT_CHANNELS,
} from "../core/channel_arch.ts";
import { DEFAULT_DHT_PROTOCOL } from "../core/dht_protocol.ts";
import { parseUnknownMachines } from "../machines/machine_rows.ts";
import {
  ARCH_OPTION,
  CHANNEL_OPTION,
  FILE_OPTION,
  NETWORK_OPTIONS,
} from "./common_options.ts";
import type {
  FlagOption,
  IntegerOption,
  TextOption,
  ToggleOption,
  ValueOf,
} from "./option_table.ts";
import {
  parseBind,
  parseHttpUrl,
  parseLoaderName,
  parseMacPattern,
  parseProviderName,
} from "./setting_values.ts";

/** A whole number. */
export interface IntegerKind
  extends Pick<IntegerOption, "type" | "min" | "max"> {
  /** The unit of a number, for messages. */
  readonly unit?: string;
}

/**
 * A string, or a list of strings if `repeatable`. One that completes files or
 * directories is a path: in a file, relative to that file's directory.
 */
export interface TextKind
  extends Pick<TextOption, "type" | "parse" | "repeatable" | "completes"> {
  /** How a list is written in a file. */
  readonly example?: string;
  /** Whether the list must not be empty. */
  readonly isRequired?: true;
}

/** The values that a setting accepts. `flag` and `toggle` are booleans. */
export type SettingKind =
  | IntegerKind
  | TextKind
  | Pick<FlagOption, "type">
  | Pick<ToggleOption, "type">;

/** A row: everything that follows from one key of the configuration file. */
export type SettingRow = SettingKind & {
  /** Its name in `ProviderConfig`, or in the section of the key's table. */
  readonly key: string;
  /** Used where neither file nor flags set it; none: unset. */
  readonly default?: string | number | boolean | readonly string[];
  /** Whether a reload applies it; the others wait for a restart. */
  readonly isLive?: true;
  /**
   * The option that sets it, too: `stateDir` is `--state-dir`, with the members
   * that follow. Without it only the file sets it.
   */
  readonly flag?: string;
  /** One line for the help text. */
  readonly help?: string;
  /** Stands for the value in help texts; true or false has none. */
  readonly placeholder?: string;
  /** Shown in the help when something other than `default` decides. */
  readonly defaultText?: string;
};

/** A TCP port; 0 takes a free one. */
const PORT = { type: "integer", min: 0, max: 65_535 } as const;

/** A duration from a second to a day. */
const SECONDS = {
  type: "integer",
  min: 1,
  max: 86_400,
  unit: "seconds",
} as const;

/** A path of a directory. */
export const DIRECTORY = { type: "text", completes: "directory" } as const;

/** MAC addresses of machines, with wildcards. */
const MACS = {
  type: "text",
  parse: parseMacPattern,
  repeatable: true,
  example: '["52:54:00:*"]',
  default: [],
  isLive: true,
} as const;

/** The file name of a boot loader. */
const LOADER = { type: "text", parse: parseLoaderName } as const;

/** Release channels. */
export const CHANNELS = {
  ...CHANNEL_OPTION,
  repeatable: true,
  example: tomlList(DEFAULT_CHANNELS),
  isRequired: true,
} as const;

/** Architectures, canonical. */
export const ARCHITECTURES = {
  ...ARCH_OPTION,
  repeatable: true,
  example: tomlList(DEFAULT_ARCHITECTURES),
  isRequired: true,
} as const;

function tomlList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
}

/**
 * Every setting of a provider by table and key of the file, one row each:
 * types, defaults, the schema of the file, flags with their help and
 * completions, and what a reload does are made from it. Rows are in the order
 * of `examples/provider.toml`, which has each of them.
 *
 * Handled in `config_file.ts`, since they are no single values: `channels`, a
 * list or tables, with `--channel`; and the rule that records are refreshed
 * before they expire.
 */
export const SETTINGS = {
  "provider.architectures": {
    key: "architectures",
    ...ARCHITECTURES,
    isLive: true,
    flag: "arch",
    help: "architectures to offer",
    defaultText: `${DEFAULT_ARCHITECTURES.join(", ")} and any found on disk`,
  },
  "provider.artifacts_dir": {
    key: "artifactsDir",
    ...DIRECTORY,
    default: "/var/lib/plasm",
    isLive: true,
    flag: "artifacts",
    placeholder: "DIR",
    help: "directory that holds CHANNEL/ARCH/ directories",
  },
  "provider.name": {
    key: "name",
    type: "text",
    parse: parseProviderName,
    flag: "name",
    placeholder: "NAME",
    help: "name that people see for this provider",
    defaultText: "the host name",
  },
  "provider.bind": {
    key: "bind",
    type: "text",
    parse: parseBind,
    flag: "bind",
    placeholder: "ADDR",
    help: "address that HTTP listens on",
  },
  "provider.port": {
    key: "port",
    ...PORT,
    default: 8080,
    flag: "port",
    placeholder: "N",
    help: "TCP port for HTTP, 0 for a free one",
  },
  // Empty: all that lead somewhere.
  "provider.interfaces": {
    key: "interfaces",
    ...NETWORK_OPTIONS.interface,
    example: '["eth0"]',
    default: [],
    flag: "interface",
  },
  // Without a trailing slash; unset: the address of each link is used.
  "provider.advertise_url": {
    key: "advertiseUrl",
    type: "text",
    parse: parseHttpUrl,
    flag: "advertiseUrl",
    placeholder: "URL",
    help: "base URL that clients are given, for a provider behind a proxy",
  },
  "provider.state_dir": {
    key: "stateDir",
    ...DIRECTORY,
    flag: "stateDir",
    placeholder: "DIR",
    help: "directory for keys and other state",
  },
  "dht.enabled": {
    key: "enabled",
    type: "toggle",
    default: true,
    flag: "dht",
    help: "do not advertise in the DHT",
  },
  "dht.port": {
    key: "port",
    ...PORT,
    flag: "p2pPort",
    placeholder: "N",
    help: "TCP port for the DHT node, 0 for a free one",
    defaultText: "4001 if it is free",
  },
  "dht.bootstrap_nodes": {
    key: "bootstrapNodes",
    ...NETWORK_OPTIONS.bootstrap,
    example: '["/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW..."]',
    default: [],
    flag: "bootstrap",
  },
  "dht.port_mapping": {
    key: "portMapping",
    type: "flag",
    default: false,
    flag: "portMapping",
    help: "map the HTTP and DHT ports on a home router (UPnP)",
  },
  "dht.record_ttl": { key: "recordTtlSeconds", ...SECONDS, default: 3600 },
  // How often a record is refreshed: less than `record_ttl`.
  "dht.refresh_interval": {
    key: "refreshIntervalSeconds",
    ...SECONDS,
    default: 1800,
  },
  // The Kademlia protocol id; only nodes with the same one meet.
  "dht.protocol": {
    key: "protocol",
    ...NETWORK_OPTIONS.dhtProtocol,
    default: DEFAULT_DHT_PROTOCOL,
    flag: "dhtProtocol",
  },
  "dht.network": {
    key: "network",
    ...NETWORK_OPTIONS.dhtNetwork,
    default: "private",
    flag: "dhtNetwork",
  },
  "mdns.enabled": {
    key: "enabled",
    type: "toggle",
    default: true,
    flag: "mdns",
    help: "do not advertise by mDNS",
  },
  // Several: each signs every manifest. Empty: one in the state directory.
  "signing.key": {
    key: "keys",
    ...FILE_OPTION,
    repeatable: true,
    default: [],
    flag: "signingKey",
    help: "private key to sign manifests with",
    defaultText: "one in the state directory",
  },
  // The passphrase is the first line of this file; unset: typed at a terminal.
  "signing.passphrase_file": {
    key: "passphraseFile",
    ...FILE_OPTION,
    flag: "passphraseFile",
    help: "file with the passphrase of the private key",
    defaultText: "asked for on a terminal",
  },
  "signing.expires_days": {
    key: "expiresDays",
    type: "integer",
    min: 1,
    max: 3650,
    default: 30,
    isLive: true,
    flag: "expiresDays",
    placeholder: "DAYS",
    help: "days until a signed manifest expires",
  },
  // Downloads at a time; unset: the default of `http/artifacts/transfers.ts`.
  "http.max_connections": {
    key: "maxConnections",
    type: "integer",
    min: 1,
    max: 1_000_000,
  },
  // For network boot firmware that hangs on fast links; unset: unlimited.
  "http.max_rate_per_connection": {
    key: "maxRatePerConnectionBytesPerSecond",
    type: "integer",
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    unit: "bytes per second",
  },
  "http.drain_timeout": {
    key: "drainTimeoutSeconds",
    ...SECONDS,
    min: 0,
    default: 10,
  },
  "http.access_log": {
    key: "accessLog",
    type: "flag",
    default: false,
    isLive: true,
  },
  "pxe.enabled": {
    key: "enabled",
    type: "flag",
    default: false,
    flag: "pxe",
    help: "answer machines that boot by PXE, alongside the LAN's DHCP server",
  },
  // Empty: all machines.
  "pxe.allow": { key: "allow", ...MACS },
  "pxe.deny": { key: "deny", ...MACS },
  // Takes unicast packets away from any other DHCP server on this host.
  "pxe.relays": { key: "relays", type: "flag", default: false },
  // What `/boot/NAME` serves; unset: nothing, or with `enabled` iPXE's package.
  "pxe.loaders": { key: "loaders", ...DIRECTORY, isLive: true },
  // Names below `loaders`; unset: those that iPXE packages use.
  "pxe.bios_loader": { key: "biosLoader", ...LOADER, isLive: true },
  "pxe.x86_64_loader": { key: "x86Loader", ...LOADER, isLive: true },
  "pxe.arm64_loader": { key: "arm64Loader", ...LOADER, isLive: true },
  // For machines without a row: "menu", "ignore" or a channel.
  "pxe.unknown": {
    key: "unknown",
    type: "text",
    parse: parseUnknownMachines,
    default: "menu",
    isLive: true,
  },
} as const satisfies Readonly<Record<string, SettingRow>>;

/** Table and key of a setting. */
export type SettingPath = keyof typeof SETTINGS;

/** A table of the file. */
export type Table = SettingPath extends `${infer T}.${string}` ? T : never;

/** The type of a setting's value. */
export type SettingValue<R extends SettingRow> =
  | NonNullable<ValueOf<R>>
  | (R extends { default: unknown } ? never : undefined);

/** The settings of one table, checked, by `key`. */
export type SettingsOf<T extends Table> = {
  readonly [
    P in SettingPath as P extends `${T}.${string}` ? typeof SETTINGS[P]["key"]
      : never
  ]: SettingValue<typeof SETTINGS[P]>;
};

/** A row, and where it stands. */
export type Setting = SettingRow & {
  /** The table of the file. */
  readonly table: Table;
  /** The key there. */
  readonly name: string;
};

/** The rows of `SETTINGS`, in their order. */
export const ALL_SETTINGS: readonly Setting[] = Object.entries(SETTINGS).map(
  ([path, row]) => {
    const [table, name] = path.split(".") as [Table, string];
    return { table, name, ...row };
  },
);

/** The rows that have a flag. */
export type FlagRow = Extract<
  typeof SETTINGS[SettingPath],
  { readonly flag: string }
>;

/** The options that set what a configuration file sets, too. */
export type SettingOptions = {
  readonly [R in FlagRow as R["flag"]]: Omit<R, "default">;
};

/** The options of `SETTINGS`, in the order of its rows. */
export const SETTING_OPTIONS = Object.fromEntries(
  ALL_SETTINGS.flatMap(
    ({ flag, default: value, ...option }): [string, unknown][] => {
      if (flag === undefined) return [];
      const isText = typeof value === "string" || typeof value === "number";
      const defaultText = isText ? `${value}` : undefined;
      return [[flag, {
        ...defaultText !== undefined && { defaultText },
        ...option,
      }]];
    },
  ),
) as SettingOptions;
