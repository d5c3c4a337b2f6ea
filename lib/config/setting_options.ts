import {
  ALL_SETTINGS,
  type SettingFlag,
  type SettingPath,
  type SETTINGS,
} from "./settings.ts";

/** The rows that have a flag. */
export type FlagRow = Extract<
  typeof SETTINGS[SettingPath],
  { readonly flag: SettingFlag }
>;

/** The options that set what a configuration file sets, too. */
export type SettingOptions = {
  readonly [R in FlagRow as R["flag"]["name"]]: R["kind"] & R["flag"];
};

/** The options of `SETTINGS`, in the order of its rows. */
export const SETTING_OPTIONS = Object.fromEntries(
  ALL_SETTINGS.flatMap(({ kind, flag, default: value }) => {
    if (flag === undefined) return [];
    const defaultText = typeof value === "string" || typeof value === "number"
      ? `${value}`
      : undefined;
    return [[flag.name, {
      ...kind,
      ...defaultText !== undefined && { defaultText },
      ...flag,
    }]];
  }),
) as SettingOptions;
