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

/** Those that a provider asks for again with every look at the disk. */
const LIVE_SETTINGS: ReadonlySet<string> = new Set([
  "[provider] channels",
  "[provider] architectures",
  "[provider] artifacts_dir",
  "[provider.channels]",
  "[signing] expires_days",
]);

/**
 * Takes from new settings what can change without closing a socket: which
 * images are offered, and how long manifests hold.
 */
export function reloadConfig(
  before: ServeConfig,
  after: ServeConfig,
): ConfigReload {
  const old = settingsOf(before);
  const changed = [...settingsOf(after)]
    .filter(([name, value]) => old.get(name) !== value)
    .map(([name]) => name);
  const { channels, architectures, artifactsDir, channelSettings } = after;
  const { expiresDays } = after.signing;
  return {
    config: {
      ...before,
      channels,
      architectures,
      artifactsDir,
      channelSettings,
      signing: { ...before.signing, expiresDays },
    },
    applied: changed.filter((name) => LIVE_SETTINGS.has(name)),
    needRestart: changed.filter((name) => !LIVE_SETTINGS.has(name)),
  };
}

/** Every setting as it is named in the file, with its value as text. */
function settingsOf(
  { channelSettings, dht, mdns, signing, http, ...provider }: ServeConfig,
): Map<string, string> {
  const tables = { provider, dht, mdns, signing, http };
  const settings = Object.entries(tables).flatMap(([table, settings]) =>
    Object.entries(settings).map(([key, value]): [string, string] => [
      `[${table}] ${nameInFile(key)}`,
      JSON.stringify(value ?? null),
    ])
  );
  const channels = JSON.stringify([...channelSettings]);
  return new Map([...settings, ["[provider.channels]", channels]]);
}

/** `recordTtlSeconds` is `record_ttl`: units are part of the value there. */
function nameInFile(key: string): string {
  return key.replace(/(BytesPer)?Seconds?$/, "")
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
