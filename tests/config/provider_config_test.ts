import assert from "node:assert/strict";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import {
  DEFAULT_CONFIG,
  flagsLayer,
  mergeConfig,
} from "../../lib/config/provider_config.ts";
import { PEER } from "../support/program_help.ts";

Deno.test("DEFAULT_CONFIG is what the contract says", () => {
  assert.deepEqual(mergeConfig({}, {}), {
    channels: undefined,
    architectures: undefined,
    artifactsDir: "/var/lib/plasm",
    channelSettings: new Map(),
    name: undefined,
    bind: undefined,
    port: 8080,
    interfaces: [],
    advertiseUrl: undefined,
    stateDir: undefined,
    dht: {
      enabled: true,
      port: undefined,
      portMapping: false,
      bootstrapNodes: [],
      refreshIntervalSeconds: 1800,
      recordTtlSeconds: 3600,
      protocol: "/ipfs/kad/1.0.0",
      network: "private",
    },
    mdns: { enabled: true },
    signing: { keys: [], passphraseFile: undefined, expiresDays: 30 },
    http: {
      maxConnections: undefined,
      maxRatePerConnectionBytesPerSecond: undefined,
      drainTimeoutSeconds: 10,
      accessLog: false,
    },
    pxe: {
      enabled: false,
      allow: [],
      deny: [],
      relays: false,
      loaders: undefined,
      biosLoader: undefined,
      x86Loader: undefined,
      arm64Loader: undefined,
      unknown: "menu",
    },
    machines: [],
  });
});

Deno.test("mergeConfig() puts flags over file over defaults", () => {
  const merged = mergeConfig({
    port: 1,
    name: "file",
    channels: ["a", "b"],
    dht: { port: 2, bootstrapNodes: ["/dnsaddr/a"] },
  }, {
    port: 0,
    channels: ["c"],
    dht: { enabled: false, bootstrapNodes: ["/dnsaddr/b"] },
  });
  assert.equal(merged.port, 0);
  assert.equal(merged.name, "file");
  assert.deepEqual(merged.channels, ["c"]);
  assert.equal(merged.dht.port, 2);
  assert.equal(merged.dht.enabled, false);
  assert.deepEqual(merged.dht.bootstrapNodes, ["/dnsaddr/b"]);
  assert.equal(merged.dht.recordTtlSeconds, 3600);
});

Deno.test("mergeConfig() lets flags win over the settings of single channels", () => {
  const file = parseConfigFile(
    `[provider.channels.stable]\nartifacts_dir = "/s"\narchitectures = ["arm64"]\n`,
    "x.toml",
  );
  const settings = (flags: Parameters<typeof mergeConfig>[1]) =>
    mergeConfig(file, flags).channelSettings.get("stable");
  assert.deepEqual(settings({}), {
    artifactsDir: "/s",
    architectures: ["arm64"],
  });
  assert.deepEqual(settings({ artifactsDir: "/flag" }), {
    artifactsDir: undefined,
    architectures: ["arm64"],
  });
  assert.deepEqual(settings({ architectures: ["x86_64"] }), {
    artifactsDir: "/s",
    architectures: undefined,
  });
});

Deno.test("examples/provider.toml is the specification's file with every key", async () => {
  const url = new URL("../../examples/provider.toml", import.meta.url);
  const text = await Deno.readTextFile(url);
  const asWritten = mergeConfig(parseConfigFile(text, "/provider.toml"), {});
  assert.deepEqual(asWritten.channels, ["stable", "testing"]);
  assert.deepEqual(asWritten.architectures, ["arm64", "x86_64"]);
  assert.equal(
    asWritten.channelSettings.get("testing")?.artifactsDir,
    "/var/lib/plasm/testing",
  );
  const everything = mergeConfig(
    parseConfigFile(
      text.replaceAll(/^# (\w+ = |\[\[)/gm, "$1"),
      "/provider.toml",
    ),
    {},
  );
  const unset = Object.entries({
    ...everything,
    ...everything.dht,
    ...everything.signing,
    ...everything.http,
    ...everything.pxe,
    ...everything.machines[0],
    ...everything.channelSettings.get("testing"),
  }).filter(([, value]) => value === undefined);
  assert.deepEqual(unset, []);
  assert.equal(everything.machines.length, 1);
  assert.deepEqual(everything.dht, {
    ...DEFAULT_CONFIG.dht,
    port: 4001,
    bootstrapNodes: everything.dht.bootstrapNodes,
  });
  assert.equal(everything.port, DEFAULT_CONFIG.port);
  assert.equal(everything.artifactsDir, DEFAULT_CONFIG.artifactsDir);
  assert.equal(
    everything.signing.expiresDays,
    DEFAULT_CONFIG.signing.expiresDays,
  );
});

/** The configuration of a `plasmd serve` line without a file. */
function configOf(...argv: string[]) {
  const invocation = parseCommandLine(["serve", ...argv], PLASMD_PROGRAM);
  assert(invocation.kind === "run" && invocation.command === "serve");
  return mergeConfig({}, flagsLayer(invocation.values));
}

Deno.test("plasmd serve without flags says nothing about the configuration", () => {
  assert.deepEqual(configOf(), DEFAULT_CONFIG);
});

Deno.test("plasmd serve puts every flag where it belongs", () => {
  const config = configOf(
    ...["--artifacts", "images", "--channel", "beta", "--channel", "beta"],
    ...["--arch", "aarch64", "--arch", "arm64", "--bind", "::1", "--port", "0"],
    ...["--interface", "lo", "--advertise-url", "http://a/", "--name", "rack"],
    ...["--state-dir", "state", "--signing-key", "key.pem", "--p2p-port", "0"],
    ...[
      "--bootstrap",
      `/ip4/127.0.0.1/tcp/1/p2p/${PEER}`,
      "--no-dht",
      "--no-mdns",
    ],
  );
  assert.deepEqual(config, {
    ...DEFAULT_CONFIG,
    artifactsDir: "images",
    channels: ["beta"],
    architectures: ["arm64"],
    bind: "::1",
    port: 0,
    interfaces: ["lo"],
    advertiseUrl: "http://a",
    name: "rack",
    stateDir: "state",
    dht: {
      ...DEFAULT_CONFIG.dht,
      enabled: false,
      port: 0,
      bootstrapNodes: [`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`],
    },
    mdns: { enabled: false },
    signing: { ...DEFAULT_CONFIG.signing, keys: ["key.pem"] },
  });
});

Deno.test("flagsLayer() leaves to the file what is not given, and lets --no-x and --x win over it", () => {
  const file = { dht: { enabled: false, portMapping: true }, port: 1 };
  const merged = (flags: Parameters<typeof flagsLayer>[0]) =>
    mergeConfig(file, flagsLayer(flags));
  const untouched = merged({ portMapping: false, interface: [], channel: [] });
  assert.deepEqual(untouched, mergeConfig(file, {}));
  const overruled = merged({ dht: true, mdns: false, port: 0 });
  assert.deepEqual(
    [overruled.dht.enabled, overruled.mdns.enabled, overruled.port],
    [true, false, 0],
  );
});
