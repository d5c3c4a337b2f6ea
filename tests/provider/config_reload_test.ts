import assert from "node:assert/strict";
import { DEFAULT_CONFIG } from "../../lib/config/provider_config.ts";
import { reloadConfig } from "../../lib/provider/config_reload.ts";
import type { ServeConfig } from "../../lib/provider/machine.ts";

const BEFORE: ServeConfig = { ...DEFAULT_CONFIG, stateDir: "/state" };

Deno.test("reloadConfig() applies which images are offered, and how long manifests hold", () => {
  const after: ServeConfig = {
    ...BEFORE,
    channels: ["beta"],
    architectures: ["arm64"],
    artifactsDir: "/other",
    channelSettings: new Map([["beta", { artifactsDir: "/beta" }]]),
    signing: { ...BEFORE.signing, expiresDays: 7 },
    pxe: { ...BEFORE.pxe, loaders: "/usr/lib/ipxe", unknown: "ignore" },
    machines: [{ mac: "52:54:00:12:34:56", boot: "local" }],
  };
  const reload = reloadConfig(BEFORE, after);
  assert.deepEqual(reload.config, after);
  assert.deepEqual(reload.applied, [
    "[provider] channels",
    "[provider] architectures",
    "[provider] artifacts_dir",
    "[signing] expires_days",
    "[pxe] loaders",
    "[pxe] unknown",
    "[provider.channels]",
    "[[machines]]",
  ]);
  assert.deepEqual(reload.needRestart, []);
});

Deno.test("reloadConfig() keeps what only a restart can change, and names it as the file does", () => {
  const after: ServeConfig = {
    ...BEFORE,
    port: 9090,
    advertiseUrl: "http://192.0.2.1",
    dht: {
      ...BEFORE.dht,
      bootstrapNodes: ["/ip4/192.0.2.1/tcp/4001"],
      recordTtlSeconds: 60,
    },
    http: { ...BEFORE.http, maxRatePerConnectionBytesPerSecond: 1 },
  };
  const reload = reloadConfig(BEFORE, after);
  assert.deepEqual(reload.config, BEFORE);
  assert.deepEqual(reload.applied, []);
  assert.deepEqual(reload.needRestart, [
    "[provider] port",
    "[provider] advertise_url",
    "[dht] bootstrap_nodes",
    "[dht] record_ttl",
    "[http] max_rate_per_connection",
  ]);
});

Deno.test("reloadConfig() of the same settings changes nothing", () => {
  const { config, applied, needRestart } = reloadConfig(BEFORE, {
    ...BEFORE,
    machines: [],
  });
  assert.deepEqual(config, BEFORE);
  assert.equal(config.machines, BEFORE.machines, "the same list");
  assert.deepEqual([...applied, ...needRestart], []);
});
