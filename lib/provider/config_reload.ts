import { settingIn, settingsFrom } from "../config/provider_config.ts";
import { ALL_SETTINGS } from "../config/settings.ts";
import type { ServeConfig } from "./machine.ts";

/** What becomes of a running provider with new settings. */
export interface ConfigReload {
  /** What holds from now on. */
  readonly config: ServeConfig;
  /** Names of settings that have changed, as `[dht] port`. */
  readonly applied: readonly string[];
  /** The same of those that keep their old value until a restart. */
  readonly needRestart: readonly string[];
}

/** How a setting is named in messages, and compared. */
interface Compared {
  readonly name: string;
  readonly isLive: boolean;
  readonly valueIn: (config: ServeConfig) => unknown;
}

const COMPARED: readonly Compared[] = [
  {
    name: "[provider] channels",
    isLive: true,
    valueIn: ({ channels }) => channels,
  },
  ...ALL_SETTINGS.map((setting) => ({
    name: `[${setting.table}] ${setting.name}`,
    isLive: setting.isLive ?? false,
    valueIn: (config: ServeConfig) => settingIn(config, setting),
  })),
  {
    name: "[provider.channels]",
    isLive: true,
    valueIn: ({ channelSettings }) => [...channelSettings],
  },
];

/**
 * Takes from new settings what can change without closing a socket, such as
 * which images are offered, and how long manifests hold.
 */
export function reloadConfig(
  before: ServeConfig,
  after: ServeConfig,
): ConfigReload {
  const changed = COMPARED.filter(({ valueIn }) =>
    JSON.stringify(valueIn(before)) !== JSON.stringify(valueIn(after))
  );
  const named = (settings: readonly Compared[]) =>
    settings.map(({ name }) => name);
  const { channels, channelSettings } = after;
  return {
    config: {
      ...settingsFrom((setting) =>
        settingIn(setting.isLive ? after : before, setting)
      ),
      channels,
      channelSettings,
      stateDir: before.stateDir,
    },
    applied: named(changed.filter(({ isLive }) => isLive)),
    needRestart: named(changed.filter(({ isLive }) => !isLive)),
  };
}
