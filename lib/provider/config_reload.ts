import { settingIn, settingsFrom } from "../config/provider_config.ts";
import { ALL_SETTINGS, type Setting } from "../config/settings.ts";
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

/**
 * Takes from new settings what can change without closing a socket, such as
 * which images are offered, and how long manifests hold.
 */
export function reloadConfig(
  before: ServeConfig,
  after: ServeConfig,
): ConfigReload {
  const { channels, channelSettings } = after;
  const changed = ALL_SETTINGS.filter((setting) =>
    !isSame(settingIn(before, setting), settingIn(after, setting))
  );
  const applied = named(changed.filter(({ isLive }) => isLive));
  if (!isSame(before.channels, channels)) {
    applied.unshift("[provider] channels");
  }
  if (!isSame([...before.channelSettings], [...channelSettings])) {
    applied.push("[provider.channels]");
  }
  const hasMachines = !isSame(before.machines, after.machines);
  if (hasMachines) applied.push("[[machines]]");
  return {
    config: {
      ...settingsFrom((setting) =>
        settingIn(setting.isLive ? after : before, setting)
      ),
      channels,
      channelSettings,
      machines: hasMachines ? after.machines : before.machines,
      stateDir: before.stateDir,
    },
    applied,
    needRestart: named(changed.filter(({ isLive }) => !isLive)),
  };
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function named(settings: readonly Setting[]): string[] {
  return settings.map(({ table, name }) => `[${table}] ${name}`);
}
