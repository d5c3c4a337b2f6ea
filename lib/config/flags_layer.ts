import type { OptionValues } from "./option_table.ts";
import {
  type ConfigLayer,
  type Layer,
  settingsFrom,
} from "./provider_config.ts";
import type { SettingOptions } from "./setting_options.ts";
import type { SettingKind } from "./setting_kinds.ts";

/** The options that say something about the configuration, as they are parsed. */
export type ConfigFlags =
  & Layer<OptionValues<SettingOptions>>
  & {
    /** `--channel` */
    readonly channel?: readonly string[];
  };

/**
 * What the flags of a command say about the configuration: the upper layer of
 * `mergeConfig`.
 */
export function flagsLayer({ channel, ...flags }: ConfigFlags): ConfigLayer {
  const values: Readonly<Record<string, unknown>> = flags;
  return {
    ...settingsFrom(({ flag, kind }) =>
      flag === undefined ? undefined : given(values[flag.name], kind)
    ),
    channels: givenList(channel),
  };
}

/** Undefined, so that the file decides, for what was not given. */
function given(value: unknown, { type }: SettingKind): unknown {
  if (Array.isArray(value)) return givenList(value);
  return type === "flag" && value === false ? undefined : value;
}

/** Without duplicates. */
function givenList<T>(values: readonly T[] = []): readonly T[] | undefined {
  return values.length === 0 ? undefined : [...new Set(values)];
}
