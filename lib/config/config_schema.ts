import * as v from "valibot";
import { parseChannel } from "../core/channel_arch.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import {
  type ChannelSettings,
  type ConfigLayer,
  settingsFrom,
} from "./provider_config.ts";
import { parsePath } from "./setting_values.ts";
import {
  ALL_SETTINGS,
  ARCHITECTURES,
  CHANNELS,
  type IntegerKind,
  type SettingKind,
  type Table,
  type TextKind,
} from "./settings.ts";

/**
 * The configuration file as it is written. Messages complete a sentence that
 * begins with the name of the key: `must be true or false`.
 */

const text = v.string("must be a string");

function parsed(parse: (text: string) => Result<string>) {
  return v.pipe(
    text,
    v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
      const result = parse(dataset.value);
      if (result.ok) return result.value;
      addIssue({ message: `is ${result.reason}` });
      return NEVER;
    }),
  );
}

function list({ parse = ok, example, isRequired }: TextKind) {
  const rule = "must not be empty, leave it out for the usual ones";
  return v.pipe(
    v.array(parsed(parse), `must be a list, such as ${example}`),
    v.transform((values) => [...new Set(values)]),
    v.minLength(isRequired ? 1 : 0, rule),
  );
}

function wholeNumber({ min, max, unit }: IntegerKind) {
  const rule = `must be a whole number from ${min} to ${max}${
    unit === undefined ? "" : ` (${unit})`
  }`;
  return v.pipe(
    v.number(rule),
    v.integer(rule),
    v.minValue(min, rule),
    v.maxValue(max, rule),
  );
}

const path = parsed(parsePath);

/** One is written as such. */
const oneOrMorePaths = v.pipe(
  v.custom<unknown>(
    (value) => typeof value === "string" || Array.isArray(value),
    "must be a string or a list of strings",
  ),
  v.transform((value) => Array.isArray(value) ? value : [value]),
  v.array(path),
);

function isPath(kind: SettingKind): boolean {
  return kind.type === "text" &&
    (kind.completes === "file" || kind.completes === "directory");
}

function schemaOf(kind: SettingKind): v.GenericSchema {
  switch (kind.type) {
    case "flag":
    case "toggle":
      return v.boolean("must be true or false");
    case "integer":
      return wholeNumber(kind);
    case "text":
      if (kind.repeatable) return isPath(kind) ? oneOrMorePaths : list(kind);
      return isPath(kind) ? path : parsed(kind.parse ?? ok);
  }
}

type AnyTable = Record<string, unknown>;

/** Without it, a date or an array would pass for a table. */
function isTable(value: unknown): value is AnyTable {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Date);
}

const anyTable = v.custom<AnyTable>(isTable, "must be a table");

const channelEntries = {
  artifacts_dir: v.optional(path),
  architectures: v.optional(list(ARCHITECTURES)),
};

/** A map, since a valibot record drops a channel named `constructor`. */
const channelTables = v.pipe(
  anyTable,
  v.transform((table) => new Map(Object.entries(table))),
  v.map(
    parsed(parseChannel),
    v.pipe(anyTable, v.strictObject(channelEntries)),
  ),
);

const channelNames = list(CHANNELS);

/** The keys of `[provider]` that are no rows of `SETTINGS`. */
const channelKeys = {
  channels: v.optional(
    v.lazy((input) => isTable(input) ? channelTables : channelNames),
  ),
  channel: v.optional(channelTables),
};

/** The tables of a file, with the keys that each may have. */
const tables: ReadonlyMap<string, v.ObjectEntries> = new Map(
  [...Map.groupBy(ALL_SETTINGS, ({ table }) => table)]
    .map(([table, settings]) => [table, {
      ...table === "provider" && channelKeys,
      ...Object.fromEntries(
        settings.map((s) => [s.name, v.optional(schemaOf(s))]),
      ),
    }]),
);

const configFileSchema = v.strictObject(Object.fromEntries(
  [...tables].map(([table, keys]) => [
    table,
    v.optional(v.pipe(anyTable, v.strictObject(keys))),
  ]),
));

/** What `configFileSchema` makes of a document. */
type ConfigFile =
  & { readonly [T in Table]?: AnyTable }
  & {
    readonly provider?: v.InferOutput<
      v.ObjectSchema<typeof channelKeys, undefined>
    >;
  };

/** One thing that the schema refuses. */
export interface SchemaIssue {
  /** `strict_object` for a key that is not known. */
  readonly type: string;
  /** Completes a sentence that begins with the name of the key. */
  readonly message: string;
  /** The value refused. */
  readonly input: unknown;
  /** Where in the document it is. */
  readonly path?: readonly { readonly key: unknown }[] | undefined;
}

/** Every table of a file with the keys it may have; `` is the top level. */
export const KNOWN_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ["", [...tables.keys()]],
  ...[...tables].map(([table, keys]): [string, string[]] => [
    table,
    Object.keys(keys),
  ]),
  ["provider.channels.*", Object.keys(channelEntries)],
]);

/**
 * Checks a parsed file, setting by setting, and maps it to our names. The
 * tables `channels.X` and `channel.X` become one; of a channel that has both,
 * the latter counts.
 *
 * @param locate makes a path of the file one that can be opened
 */
export function readSettings(
  document: unknown,
  locate: (path: string) => string,
): Result<ConfigLayer, readonly [SchemaIssue, ...SchemaIssue[]]> {
  const checked = v.safeParse(configFileSchema, document);
  return checked.success
    ? ok(toLayer(checked.output as ConfigFile, locate))
    : refuse(checked.issues);
}

function toLayer(
  file: ConfigFile,
  locate: (path: string) => string,
): ConfigLayer {
  const settings: ConfigLayer = settingsFrom((setting) => {
    const value = file[setting.table]?.[setting.name];
    if (!isPath(setting)) return value;
    if (Array.isArray(value)) return value.map(locate);
    return typeof value === "string" ? locate(value) : value;
  });
  const { channels, channel = new Map() } = file.provider ?? {};
  const isMap = channels instanceof Map;
  const channelSettings = [...isMap ? channels : [], ...channel].map(
    ([name, own]): [string, ChannelSettings] => [name, {
      artifactsDir: own.artifacts_dir && locate(own.artifacts_dir),
      architectures: own.architectures,
    }],
  );
  const { refreshIntervalSeconds, recordTtlSeconds } = settings.dht ?? {};
  return {
    ...settings,
    channels: isMap ? undefined : channels,
    channelSettings: new Map(channelSettings),
    dht: {
      ...settings.dht,
      // In time for a life that was set alone.
      refreshIntervalSeconds: refreshIntervalSeconds ??
        (recordTtlSeconds && recordTtlSeconds / 2),
    },
  };
}
