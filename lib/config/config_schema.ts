import * as v from "valibot";
import { parseArch, parseChannel } from "../core/channel_arch.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { checkMultiaddr } from "../core/multiaddr_text.ts";
import type { ChannelSettings, ConfigLayer } from "./provider_config.ts";
import {
  parseBind,
  parseHttpUrl,
  parseInterface,
  parsePath,
  parseProtocol,
  parseProviderName,
} from "./setting_values.ts";

/**
 * The configuration file as it is written. Messages complete a sentence that
 * begins with the name of the key: `must be true or false`.
 */

const SECONDS_PER_DAY = 86_400;

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

function list(parse: (text: string) => Result<string>, example: string) {
  return v.pipe(
    v.array(parsed(parse), `must be a list, such as ${example}`),
    v.transform((values) => [...new Set(values)]),
  );
}

function names(parse: (text: string) => Result<string>, example: string) {
  return v.pipe(
    list(parse, example),
    v.minLength(1, `must not be empty, leave it out for the usual ones`),
  );
}

function wholeNumber(min: number, max: number, unit = "") {
  const rule = `must be a whole number from ${min} to ${max}${unit}`;
  return v.pipe(
    v.number(rule),
    v.integer(rule),
    v.minValue(min, rule),
    v.maxValue(max, rule),
  );
}

const seconds = wholeNumber(1, SECONDS_PER_DAY, " (seconds)");
const port = wholeNumber(0, 65_535);
const trueOrFalse = v.boolean("must be true or false");
const path = parsed(parsePath);
const architectures = names(parseArch, '["arm64", "x86_64"]');
const TABLE_RULE = "must be a table";

type Table = Record<string, unknown>;

/** Without it, a date or an array would pass for a table. */
function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Date);
}

const anyTable = v.custom<Table>(isTable, TABLE_RULE);

const channelEntries = {
  artifacts_dir: v.optional(path),
  architectures: v.optional(architectures),
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

const channelNames = names(parseChannel, '["stable", "testing"]');

const providerEntries = {
  channels: v.optional(
    v.lazy((input) => isTable(input) ? channelTables : channelNames),
  ),
  channel: v.optional(channelTables),
  architectures: v.optional(architectures),
  artifacts_dir: v.optional(path),
  name: v.optional(parsed(parseProviderName)),
  bind: v.optional(parsed(parseBind)),
  port: v.optional(port),
  interfaces: v.optional(list(parseInterface, '["eth0"]')),
  advertise_url: v.optional(parsed(parseHttpUrl)),
  state_dir: v.optional(path),
};

const dhtEntries = {
  enabled: v.optional(trueOrFalse),
  port: v.optional(port),
  bootstrap_nodes: v.optional(
    list(checkMultiaddr, '["/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW..."]'),
  ),
  port_mapping: v.optional(trueOrFalse),
  refresh_interval: v.optional(seconds),
  record_ttl: v.optional(seconds),
  protocol: v.optional(parsed(parseProtocol)),
};

const mdnsEntries = { enabled: v.optional(trueOrFalse) };

const signingEntries = {
  key: v.optional(path),
  expires_days: v.optional(wholeNumber(1, 3650)),
};

const httpEntries = {
  max_connections: v.optional(wholeNumber(1, 1_000_000)),
  max_rate_per_connection: v.optional(
    wholeNumber(1, Number.MAX_SAFE_INTEGER, " (bytes per second)"),
  ),
  drain_timeout: v.optional(wholeNumber(0, SECONDS_PER_DAY, " (seconds)")),
};

const tableEntries = {
  provider: providerEntries,
  dht: dhtEntries,
  mdns: mdnsEntries,
  signing: signingEntries,
  http: httpEntries,
};

const configFileSchema = v.strictObject({
  provider: v.optional(v.pipe(anyTable, v.strictObject(providerEntries))),
  dht: v.optional(v.pipe(anyTable, v.strictObject(dhtEntries))),
  mdns: v.optional(v.pipe(anyTable, v.strictObject(mdnsEntries))),
  signing: v.optional(v.pipe(anyTable, v.strictObject(signingEntries))),
  http: v.optional(v.pipe(anyTable, v.strictObject(httpEntries))),
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
  { provider, dht, mdns, signing, http }: ConfigFile,
  locate: (path: string) => string,
): ConfigLayer {
  const { channels, channel = new Map() } = provider ?? {};
  const located = (path: string | undefined) =>
    path === undefined ? undefined : locate(path);
  const tables = channels instanceof Map
    ? new Map([...channels, ...channel])
    : channel;
  return {
    channels: channels instanceof Map ? undefined : channels,
    architectures: provider?.architectures,
    artifactsDir: located(provider?.artifacts_dir),
    channelSettings: new Map(
      [...tables].map(([name, own]): [string, ChannelSettings] => [name, {
        artifactsDir: located(own.artifacts_dir),
        architectures: own.architectures,
      }]),
    ),
    name: provider?.name,
    bind: provider?.bind,
    port: provider?.port,
    interfaces: provider?.interfaces,
    advertiseUrl: provider?.advertise_url,
    stateDir: located(provider?.state_dir),
    dht: {
      enabled: dht?.enabled,
      port: dht?.port,
      bootstrapNodes: dht?.bootstrap_nodes,
      portMapping: dht?.port_mapping,
      refreshIntervalSeconds: dht?.refresh_interval ?? half(dht?.record_ttl),
      recordTtlSeconds: dht?.record_ttl,
      protocol: dht?.protocol,
    },
    mdns: { enabled: mdns?.enabled },
    signing: {
      key: located(signing?.key),
      expiresDays: signing?.expires_days,
    },
    http: {
      maxConnections: http?.max_connections,
      maxRatePerConnectionBytesPerSecond: http?.max_rate_per_connection,
      drainTimeoutSeconds: http?.drain_timeout,
    },
  };
}
