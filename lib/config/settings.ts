import { DEFAULT_DHT_PROTOCOL } from "../core/dht_protocol.ts";
import { DEFAULT_ARCHITECTURES } from "../core/channel_arch.ts";
import { NETWORK_OPTIONS } from "./common_options.ts";
import type { ValueOf } from "./option_table.ts";
import {
  ARCHITECTURES,
  DIRECTORY,
  FILE,
  FLAG,
  PORT,
  SECONDS,
  type SettingKind,
  TOGGLE,
} from "./setting_kinds.ts";
import {
  parseBind,
  parseHttpUrl,
  parseProtocol,
  parseProviderName,
} from "./setting_values.ts";

/** What makes an option of `plasmd serve` of a setting. */
export interface SettingFlag {
  /** `stateDir` is `--state-dir`. */
  readonly name: string;
  /** One line for the help text. */
  readonly help: string;
  /** Stands for the value in help texts; for true or false there is none. */
  readonly placeholder?: string;
  /** Said in the help when something else than `default` decides. */
  readonly defaultText?: string;
}

/** What follows from a key of the configuration file. */
export interface SettingRow {
  /** In `ProviderConfig`: there, or in the section of the key's table. */
  readonly key: string;
  /** What values it takes. */
  readonly kind: SettingKind;
  /** What holds where neither file nor flags say otherwise; none: unset. */
  readonly default?: string | number | boolean | readonly string[];
  /** Whether a reload applies it; the others wait for a restart. */
  readonly isLive?: true;
  /** Without it only the file sets it. */
  readonly flag?: SettingFlag;
}

/**
 * Every setting of a provider by table and key of the file, one row each:
 * types, defaults, the schema of the file, flags with their help and
 * completions, and what a reload does are made from it. Rows are in the order
 * of `examples/provider.toml`, which has each of them.
 *
 * By hand, since they are no single values: `channels`, a list or tables
 * (`config_schema.ts`), with `--channel`; and that records are published anew
 * before they run out (`config_file.ts`).
 */
export const SETTINGS = {
  "provider.architectures": {
    key: "architectures",
    kind: ARCHITECTURES,
    isLive: true,
    flag: {
      name: "arch",
      placeholder: "NAME",
      help: "architectures to offer",
      defaultText: `${DEFAULT_ARCHITECTURES.join(", ")} and what is found`,
    },
  },
  "provider.artifacts_dir": {
    key: "artifactsDir",
    kind: DIRECTORY,
    default: "/var/lib/plasm",
    isLive: true,
    flag: {
      name: "artifacts",
      placeholder: "DIR",
      help: "directory that holds CHANNEL/ARCH/ directories",
    },
  },
  "provider.name": {
    key: "name",
    kind: { type: "text", parse: parseProviderName },
    flag: {
      name: "name",
      placeholder: "NAME",
      help: "what people see this provider by",
      defaultText: "the host name",
    },
  },
  "provider.bind": {
    key: "bind",
    kind: { type: "text", parse: parseBind },
    flag: {
      name: "bind",
      placeholder: "ADDR",
      help: "address to serve HTTP on",
    },
  },
  "provider.port": {
    key: "port",
    kind: PORT,
    default: 8080,
    flag: {
      name: "port",
      placeholder: "N",
      help: "TCP port of HTTP, 0 for a free one",
    },
  },
  // Empty: all that lead somewhere.
  "provider.interfaces": {
    key: "interfaces",
    kind: { ...NETWORK_OPTIONS.interface, example: '["eth0"]' },
    default: [],
    flag: { ...NETWORK_OPTIONS.interface, name: "interface" },
  },
  // Without a final slash; unset: by the address of each link.
  "provider.advertise_url": {
    key: "advertiseUrl",
    kind: { type: "text", parse: parseHttpUrl },
    flag: {
      name: "advertiseUrl",
      placeholder: "URL",
      help: "base URL that clients are told, for a provider behind a proxy",
    },
  },
  "provider.state_dir": {
    key: "stateDir",
    kind: DIRECTORY,
    flag: {
      name: "stateDir",
      placeholder: "DIR",
      help: "where keys and counters are kept",
    },
  },
  "dht.enabled": {
    key: "enabled",
    kind: TOGGLE,
    default: true,
    flag: { name: "dht", help: "do not advertise in the DHT" },
  },
  "dht.port": {
    key: "port",
    kind: PORT,
    flag: {
      name: "p2pPort",
      placeholder: "N",
      help: "TCP port of the DHT node, 0 for a free one",
      defaultText: "4001 if it is free",
    },
  },
  "dht.bootstrap_nodes": {
    key: "bootstrapNodes",
    kind: {
      ...NETWORK_OPTIONS.bootstrap,
      example: '["/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW..."]',
    },
    default: [],
    flag: { ...NETWORK_OPTIONS.bootstrap, name: "bootstrap" },
  },
  "dht.port_mapping": {
    key: "portMapping",
    kind: FLAG,
    default: false,
    flag: {
      name: "portMapping",
      help: "map the ports of HTTP and the DHT through a home router (UPnP)",
    },
  },
  "dht.record_ttl": { key: "recordTtlSeconds", kind: SECONDS, default: 3600 },
  // How often a record is published anew: less than `record_ttl`.
  "dht.refresh_interval": {
    key: "refreshIntervalSeconds",
    kind: SECONDS,
    default: 1800,
  },
  // Of Kademlia; only nodes with the same one meet.
  "dht.protocol": {
    key: "protocol",
    kind: { type: "text", parse: parseProtocol },
    default: DEFAULT_DHT_PROTOCOL,
  },
  "mdns.enabled": {
    key: "enabled",
    kind: TOGGLE,
    default: true,
    flag: { name: "mdns", help: "do not advertise by mDNS" },
  },
  "signing.key": {
    key: "key",
    kind: FILE,
    flag: {
      name: "signingKey",
      placeholder: "FILE",
      help: "private key that signs manifests",
      defaultText: "one in the state directory",
    },
  },
  "signing.expires_days": {
    key: "expiresDays",
    kind: { type: "integer", min: 1, max: 3650 },
    default: 30,
    isLive: true,
  },
  // Open at the same time; unset: no bound.
  "http.max_connections": {
    key: "maxConnections",
    kind: { type: "integer", min: 1, max: 1_000_000 },
  },
  // For network boot firmware that hangs on fast links; unset: no bound.
  "http.max_rate_per_connection": {
    key: "maxRatePerConnectionBytesPerSecond",
    kind: {
      type: "integer",
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      unit: "bytes per second",
    },
  },
  "http.drain_timeout": {
    key: "drainTimeoutSeconds",
    kind: { ...SECONDS, min: 0 },
    default: 10,
  },
  "http.access_log": {
    key: "accessLog",
    kind: FLAG,
    default: false,
    isLive: true,
  },
} as const satisfies Readonly<Record<string, SettingRow>>;

/** Table and key of a setting. */
export type SettingPath = keyof typeof SETTINGS;

/** A table of the file. */
export type Table = SettingPath extends `${infer T}.${string}` ? T : never;

/** The keys of a table, as they are spelled in the file. */
export type NamesOf<T extends Table, P = SettingPath> = P extends
  `${T}.${infer N}` ? N : never;

/** The type of a setting's value. */
export type SettingValue<R extends SettingRow> =
  | NonNullable<ValueOf<R["kind"]>>
  | (R extends { default: unknown } ? never : undefined);

/** The settings of one table, checked, by `key`. */
export type SettingsOf<T extends Table> = {
  readonly [
    P in `${T}.${NamesOf<T>}` & SettingPath as typeof SETTINGS[P]["key"]
  ]: SettingValue<typeof SETTINGS[P]>;
};

/** A row, and where it stands. */
export interface Setting extends SettingRow {
  /** The table of the file. */
  readonly table: Table;
  /** The key there. */
  readonly name: string;
}

/** The rows of `SETTINGS`, in their order. */
export const ALL_SETTINGS: readonly Setting[] = Object.entries(SETTINGS).map(
  ([path, row]) => {
    const [table, name] = path.split(".") as [Table, string];
    return { table, name, ...row };
  },
);
