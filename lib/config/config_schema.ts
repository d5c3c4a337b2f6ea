import * as v from "valibot";
import { parseChannel } from "../core/channel_arch.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import {
  type ChannelSettings,
  type ConfigLayer,
  settingsFrom,
} from "./provider_config.ts";
import {
  ARCHITECTURES,
  CHANNELS,
  type IntegerKind,
  type SettingKind,
  type TextKind,
} from "./setting_kinds.ts";
import { parsePath } from "./setting_values.ts";
import { ALL_SETTINGS, type NamesOf, type Table } from "./settings.ts";

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
      if (kind.repeatable) return list(kind);
      return isPath(kind) ? path : parsed(kind.parse ?? ok);
  }
}

/** The keys of a table that are rows of `SETTINGS`. */
function entriesOf<T extends Table>(table: T) {
  return Object.fromEntries(
    ALL_SETTINGS.filter((setting) => setting.table === table)
      .map(({ name, kind }) => [name, v.optional(schemaOf(kind))]),
  ) as Record<NamesOf<T>, v.OptionalSchema<v.GenericSchema, undefined>>;
}

const TABLE_RULE = "must be a table";

type AnyTable = Record<string, unknown>;

/** Without it, a date or an array would pass for a table. */
function isTable(value: unknown): value is AnyTable {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Date);
}

const anyTable = v.custom<AnyTable>(isTable, TABLE_RULE);

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

const tableEntries = {
  provider: {
    channels: v.optional(
      v.lazy((input) => isTable(input) ? channelTables : channelNames),
    ),
    channel: v.optional(channelTables),
    ...entriesOf("provider"),
  },
  dht: entriesOf("dht"),
  mdns: entriesOf("mdns"),
  signing: entriesOf("signing"),
  http: entriesOf("http"),
};

function table<E extends v.ObjectEntries>(entries: E) {
  return v.optional(v.pipe(anyTable, v.strictObject(entries)));
}

const configFileSchema = v.strictObject({
  provider: table(tableEntries.provider),
  dht: table(tableEntries.dht),
  mdns: table(tableEntries.mdns),
  signing: table(tableEntries.signing),
  http: table(tableEntries.http),
});

type ConfigFile = v.InferOutput<typeof configFileSchema>;

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
  ["", Object.keys(tableEntries)],
  ...Object.entries(tableEntries).map((
    [table, entries],
  ): [string, string[]] => [table, Object.keys(entries)]),
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
    ? ok(toLayer(checked.output, locate))
    : refuse(checked.issues);
}

/** When a record is due again whose life alone is set. */
function half(ttlSeconds: number | undefined): number | undefined {
  return ttlSeconds === undefined ? undefined : ttlSeconds / 2;
}

function toLayer(
  file: ConfigFile,
  locate: (path: string) => string,
): ConfigLayer {
  const tables: Readonly<Record<string, AnyTable | undefined>> = file;
  const settings: ConfigLayer = settingsFrom(({ table, name, kind }) => {
    const value = tables[table]?.[name];
    return isPath(kind) && typeof value === "string" ? locate(value) : value;
  });
  const { channels, channel = new Map() } = file.provider ?? {};
  const channelTables = channels instanceof Map
    ? new Map([...channels, ...channel])
    : channel;
  const { dht } = settings;
  return {
    ...settings,
    channels: channels instanceof Map ? undefined : channels,
    channelSettings: new Map(
      [...channelTables].map((
        [name, own],
      ): [string, ChannelSettings] => [name, {
        artifactsDir: own.artifacts_dir && locate(own.artifacts_dir),
        architectures: own.architectures,
      }]),
    ),
    dht: {
      ...dht,
      refreshIntervalSeconds: dht?.refreshIntervalSeconds ??
        half(dht?.recordTtlSeconds),
    },
  };
}
