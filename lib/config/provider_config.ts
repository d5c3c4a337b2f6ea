import { DEFAULT_DHT_PROTOCOL } from "../core/dht_protocol.ts";

/** Settings of one channel that differ from those of the provider. */
export interface ChannelSettings {
  /** Holds `<arch>/` directories, in place of `<artifactsDir>/<channel>`. */
  readonly artifactsDir?: string | undefined;
  /** Canonical; in place of the provider's. */
  readonly architectures?: readonly string[] | undefined;
}

/** The node in the DHT. */
export interface DhtConfig {
  /** Without it no socket is opened. */
  readonly enabled: boolean;
  /** TCP port of libp2p; 0 takes a free one; unset: the usual one if free. */
  readonly port: number | undefined;
  /** Multiaddrs of nodes to join through. */
  readonly bootstrapNodes: readonly string[];
  /** How often a record is published anew. Less than `recordTtlSeconds`. */
  readonly refreshIntervalSeconds: number;
  /** How long a record is valid; at most a day. */
  readonly recordTtlSeconds: number;
  /** Whether to map the ports through a home router by UPnP. */
  readonly portMapping: boolean;
  /** The Kademlia protocol id; only nodes with the same one meet. */
  readonly protocol: string;
}

/** Advertising on the links of this machine. */
export interface MdnsConfig {
  /** Without it no socket is opened. */
  readonly enabled: boolean;
}

/** How manifests are signed. */
export interface SigningConfig {
  /** Path of the private key; unset: one in the state directory. */
  readonly key: string | undefined;
  /** How long a manifest stays valid after it was signed. */
  readonly expiresDays: number;
}

/** How clients are served. */
export interface HttpConfig {
  /** Open at the same time; unset: no bound. */
  readonly maxConnections: number | undefined;
  /**
   * The cure for network boot firmware that hangs on fast links; unset: no
   * bound.
   */
  readonly maxRatePerConnectionBytesPerSecond: number | undefined;
  /** How long running downloads may go on after the provider was told to end. */
  readonly drainTimeoutSeconds: number;
}

/** Everything that can be set about a provider, checked. */
export interface ProviderConfig {
  /** Unset: the usual ones, and what is found on disk. */
  readonly channels: readonly string[] | undefined;
  /** Canonical. Unset: the usual ones, and what is found on disk. */
  readonly architectures: readonly string[] | undefined;
  /** Holds `<channel>/<arch>/` directories. */
  readonly artifactsDir: string;
  /** Channels with settings of their own. */
  readonly channelSettings: ReadonlyMap<string, ChannelSettings>;
  /** What people see the provider by; unset: the host name. */
  readonly name: string | undefined;
  /** Address to listen on; unset: decided by the interfaces. */
  readonly bind: string | undefined;
  /** TCP port of HTTP; 0 takes a free one. */
  readonly port: number;
  /** Names or addresses; empty: all that lead somewhere. */
  readonly interfaces: readonly string[];
  /** Base URL told to clients, without a final slash; unset: by address. */
  readonly advertiseUrl: string | undefined;
  /** Where keys and counters are kept. */
  readonly stateDir: string | undefined;
  /** Table `[dht]`. */
  readonly dht: DhtConfig;
  /** Table `[mdns]`. */
  readonly mdns: MdnsConfig;
  /** Table `[signing]`. */
  readonly signing: SigningConfig;
  /** Table `[http]`. */
  readonly http: HttpConfig;
}

/** Some of the settings of a table. */
export type Layer<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Settings that are tables of their own. */
export type Section = "dht" | "mdns" | "signing" | "http";

/** What a file or the flags say; all that is not said is undefined. */
export type ConfigLayer =
  & Layer<Omit<ProviderConfig, Section>>
  & { readonly [S in Section]?: Layer<ProviderConfig[S]> };

/** What holds where neither file nor flags say otherwise. */
export const DEFAULT_CONFIG: ProviderConfig = {
  channels: undefined,
  architectures: undefined,
  artifactsDir: "/var/lib/plasm",
  channelSettings: new Map(),
  name: undefined,
  bind: undefined,
  port: 8080,
  interfaces: [],
  advertiseUrl: undefined,
  stateDir: undefined,
  dht: {
    enabled: true,
    port: undefined,
    bootstrapNodes: [],
    refreshIntervalSeconds: 1800,
    recordTtlSeconds: 3600,
    portMapping: false,
    protocol: DEFAULT_DHT_PROTOCOL,
  },
  mdns: { enabled: true },
  signing: { key: undefined, expiresDays: 30 },
  http: {
    maxConnections: undefined,
    maxRatePerConnectionBytesPerSecond: undefined,
    drainTimeoutSeconds: 10,
  },
};

/**
 * Flags over file over defaults, setting by setting; a list replaces a list.
 * An artifacts directory or architectures from the flags also replace those
 * that the file sets for single channels: a flag that some channels ignored
 * would surprise.
 */
export function mergeConfig(
  defaults: ProviderConfig,
  file: ConfigLayer,
  flags: ConfigLayer,
): ProviderConfig {
  const { dht, mdns, signing, http, ...own } = defaults;
  const merged = mergeLayers(own, file, flags);
  return {
    ...merged,
    channelSettings: settingsUnderFlags(merged.channelSettings, flags),
    dht: mergeLayers(dht, file.dht, flags.dht),
    mdns: mergeLayers(mdns, file.mdns, flags.mdns),
    signing: mergeLayers(signing, file.signing, flags.signing),
    http: mergeLayers(http, file.http, flags.http),
  };
}

/** `base`, with what later layers say in place of what earlier ones say. */
function mergeLayers<T extends object>(
  base: T,
  ...layers: readonly (Layer<T> | undefined)[]
): T {
  const merged = { ...base };
  for (const key in base) {
    if (!Object.hasOwn(base, key)) continue;
    for (const layer of layers) {
      const value = layer?.[key];
      if (value !== undefined) merged[key] = value;
    }
  }
  return merged;
}

function settingsUnderFlags(
  settings: ReadonlyMap<string, ChannelSettings>,
  flags: ConfigLayer,
): ReadonlyMap<string, ChannelSettings> {
  return new Map(
    [...settings].map(([channel, own]) => [channel, {
      artifactsDir: flags.artifactsDir === undefined
        ? own.artifactsDir
        : undefined,
      architectures: flags.architectures === undefined
        ? own.architectures
        : undefined,
    }]),
  );
}
