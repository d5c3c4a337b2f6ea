import assert from "node:assert/strict";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import {
  DEFAULT_CONFIG,
  mergeConfig,
} from "../../lib/config/provider_config.ts";

Deno.test("DEFAULT_CONFIG is what the contract says", () => {
  assert.deepEqual(mergeConfig(DEFAULT_CONFIG, {}, {}), {
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
    },
    mdns: { enabled: true },
    signing: { key: undefined, expiresDays: 30 },
    http: {
      maxConnections: undefined,
      maxRatePerConnectionBytesPerSecond: undefined,
      drainTimeoutSeconds: 10,
      accessLog: false,
    },
  });
});

Deno.test("mergeConfig() puts flags over file over defaults", () => {
  const merged = mergeConfig(
    DEFAULT_CONFIG,
    {
      port: 1,
      name: "file",
      channels: ["a", "b"],
      dht: { port: 2, bootstrapNodes: ["/dnsaddr/a"] },
    },
    {
      port: 0,
      channels: ["c"],
      dht: { enabled: false, bootstrapNodes: ["/dnsaddr/b"] },
    },
  );
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
  const settings = (flags: Parameters<typeof mergeConfig>[2]) =>
    mergeConfig(DEFAULT_CONFIG, file, flags).channelSettings.get("stable");
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
  const asWritten = mergeConfig(
    DEFAULT_CONFIG,
    parseConfigFile(text, "/provider.toml"),
    {},
  );
  assert.deepEqual(asWritten.channels, ["stable", "testing"]);
  assert.deepEqual(asWritten.architectures, ["arm64", "x86_64"]);
  assert.equal(
    asWritten.channelSettings.get("testing")?.artifactsDir,
    "/var/lib/plasm/testing",
  );
  const everything = mergeConfig(
    DEFAULT_CONFIG,
    parseConfigFile(text.replaceAll(/^# (\w+ = )/gm, "$1"), "/provider.toml"),
    {},
  );
  const unset = Object.entries({
    ...everything,
    ...everything.dht,
    ...everything.signing,
    ...everything.http,
    ...everything.channelSettings.get("testing"),
  }).filter(([, value]) => value === undefined);
  assert.deepEqual(unset, []);
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
