import type { MachineRow } from "../machines/machine_rows.ts";
import type { OptionValues } from "./option_table.ts";
import {
  ALL_SETTINGS,
  type Setting,
  type SettingOptions,
  type SettingsOf,
  type Table,
} from "./settings.ts";

/** Settings of one channel that differ from those of the provider. */
export interface ChannelSettings {
  /** Holds `<arch>/` directories, in place of `<artifactsDir>/<channel>`. */
  readonly artifactsDir?: string | undefined;
  /** Canonical; in place of the provider's. */
  readonly architectures?: readonly string[] | undefined;
}

/** Tables whose settings are a section of their own. */
export type Section = Exclude<Table, "provider">;

/** The settings that are a row of `SETTINGS` each. */
export type Settings =
  & SettingsOf<"provider">
  & { readonly [S in Section]: SettingsOf<S> };

/** The settings about channels. */
export type ChannelConfig = {
  /** Unset: the default ones, and any found on disk. */
  readonly channels: readonly string[] | undefined;
  /** Channels with settings of their own. */
  readonly channelSettings: ReadonlyMap<string, ChannelSettings>;
};

/** The settings about single machines. */
export type MachineConfig = {
  /** One row for each machine; the same list until it changes. */
  readonly machines: readonly MachineRow[];
};

/** Everything that can be set about a provider, checked. */
export type ProviderConfig = Settings & ChannelConfig & MachineConfig;

/** Some of the settings of a table. */
export type Layer<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** What a file or the flags set; anything not set is undefined. */
export type ConfigLayer =
  & Layer<SettingsOf<"provider"> & ChannelConfig & MachineConfig>
  & { readonly [S in Section]?: Layer<SettingsOf<S>> };

/** The value of a setting in a configuration. */
export function settingIn(
  config: ConfigLayer,
  { table, key }: Setting,
): unknown {
  const settings: Readonly<Record<string, unknown>> | undefined =
    table === "provider" ? config : config[table];
  return settings?.[key];
}

/**
 * Every setting in its place.
 *
 * @param valueOf a value of the setting's kind; for a layer, also undefined
 */
export function settingsFrom(valueOf: (setting: Setting) => unknown): Settings {
  const tables: { [table: string]: { [key: string]: unknown } } = {};
  for (const setting of ALL_SETTINGS) {
    const table = tables[setting.table] ??= {};
    table[setting.key] = valueOf(setting);
  }
  const { provider, ...sections } = tables;
  return { ...provider, ...sections } as Settings;
}

/** The options that say something about the configuration, as they are parsed. */
export type ConfigFlags =
  & Layer<OptionValues<SettingOptions>>
  & {
    readonly channel?: readonly string[];
  };

/**
 * What the flags of a command say about the configuration: the upper layer of
 * `mergeConfig`.
 */
export function flagsLayer({ channel, ...flags }: ConfigFlags): ConfigLayer {
  const values: Readonly<Record<string, unknown>> = flags;
  return {
    ...settingsFrom(({ flag, type }) => {
      const value = flag === undefined ? undefined : values[flag];
      if (Array.isArray(value)) return givenList(value);
      // Undefined, so that the file decides, for what was not given.
      return type === "flag" && value === false ? undefined : value;
    }),
    channels: givenList(channel),
  };
}

/** Without duplicates. */
function givenList<T>(values: readonly T[] = []): readonly T[] | undefined {
  return values.length === 0 ? undefined : [...new Set(values)];
}

/** What holds where neither file nor flags say otherwise. */
export const DEFAULT_CONFIG: ProviderConfig = mergeConfig({}, {});

/**
 * Flags over file over defaults, setting by setting; a list replaces a list.
 * An artifacts directory or architectures from the flags also replace those
 * that the file sets for single channels: a flag that some channels ignored
 * would surprise.
 */
export function mergeConfig(
  file: ConfigLayer,
  flags: ConfigLayer,
): ProviderConfig {
  const channelSettings = [...file.channelSettings ?? []].map(
    ([channel, own]): [string, ChannelSettings] => [channel, {
      artifactsDir: flags.artifactsDir === undefined
        ? own.artifactsDir
        : undefined,
      architectures: flags.architectures === undefined
        ? own.architectures
        : undefined,
    }],
  );
  return {
    ...settingsFrom((setting) =>
      settingIn(flags, setting) ?? settingIn(file, setting) ?? setting.default
    ),
    channels: flags.channels ?? file.channels,
    channelSettings: new Map(channelSettings),
    machines: file.machines ?? [],
  };
}
