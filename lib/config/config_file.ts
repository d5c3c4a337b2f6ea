import { dirname, isAbsolute, join } from "node:path";
import { ConfigError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { renameChannelTables } from "./channel_tables.ts";
import { firstProblem } from "./config_problem.ts";
import { readSettings } from "./config_schema.ts";
import { type ConfigLayer, DEFAULT_CONFIG } from "./provider_config.ts";
import { readToml } from "./read_toml.ts";
import { lineAndColumn, TomlOutline } from "./toml_outline.ts";

type Path = readonly string[];

/** Refuses the file at a key; does not return. */
type Refuse = (at: Path, problem: string) => never;

/**
 * Reads the text of a configuration file. Relative paths in it are relative to
 * the file's own directory.
 *
 * @param text TOML; the form of the specification, where `channels` is a list
 * and a table, is taken too
 * @param path of the file, as messages name it
 * @throws ConfigError with line and column of the first thing that is wrong
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
  const original = text.replace(/^\uFEFF/, "");
  const failAt = (offset: number, problem: string, cause?: unknown): never => {
    const position = { path, ...lineAndColumn(original, offset) };
    throw new ConfigError(
      position,
      problem,
      { ...cause !== undefined && { cause } },
    );
  };
  const { text: toml, renamed, conflict } = renameChannelTables(original);
  if (conflict !== undefined) {
    failAt(conflict.offset, bothForms(conflict.channel));
  }
  const document = readToml(toml, path);
  const outline = new TomlOutline(toml);
  const directory = dirname(path);
  const settings = readSettings(
    document,
    (named) => isAbsolute(named) ? named : join(directory, named),
  );
  if (!settings.ok) {
    const problem = firstProblem(settings.reason, outline, renamed);
    return failAt(problem.offset, problem.message);
  }
  const refuse: Refuse = (at, problem) =>
    failAt(outline.offsetOf(at, "key"), problem);
  for (const channel of settings.value.channelSettings?.keys() ?? []) {
    const forms = ["channels", "channel"].map((f) => ["provider", f, channel]);
    const second = forms.every((form) => outline.has(form))
      ? forms[1]
      : undefined;
    if (second !== undefined) refuse(second, bothForms(channel));
  }
  checkDurations(settings.value, refuse);
  return withChannels(settings.value, refuse);
}

/** A record must be published anew before it runs out. */
function checkDurations({ dht }: ConfigLayer, refuse: Refuse): void {
  const defaults = DEFAULT_CONFIG.dht;
  const refresh = dht?.refreshIntervalSeconds ??
    defaults.refreshIntervalSeconds;
  const ttl = dht?.recordTtlSeconds ?? defaults.recordTtlSeconds;
  if (refresh < ttl) return;
  refuse(
    ["dht", "refresh_interval"],
    `"refresh_interval" (${refresh} s) must be less than "record_ttl" (${ttl} s) in [dht], set both`,
  );
}

/** Without a list of channels, the tables name them; with one, they obey it. */
function withChannels(layer: ConfigLayer, refuse: Refuse): ConfigLayer {
  const tables = [...layer.channelSettings?.keys() ?? []];
  const listed = layer.channels;
  if (listed === undefined) {
    return tables.length === 0 ? layer : { ...layer, channels: tables };
  }
  const unlisted = tables.find((channel) => !listed.includes(channel));
  if (unlisted === undefined) return layer;
  const near = nearest(unlisted, listed);
  return refuse(
    ["provider", "channel", unlisted],
    `channel "${unlisted}" has a table but is not in "channels", ${
      near === undefined
        ? "add it or remove the table"
        : `did you mean "${near}"?`
    }`,
  );
}

function bothForms(channel: string): string {
  return `channel "${channel}" is set up twice, in [provider.channels.${channel}] and in [provider.channel.${channel}], keep one of them`;
}
