import assert from "node:assert/strict";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import { KNOWN_KEYS, readSettings } from "../../lib/config/config_schema.ts";
import { mergeConfig } from "../../lib/config/provider_config.ts";
import { ALL_SETTINGS } from "../../lib/config/settings.ts";

Deno.test("parseConfigFile() reads every key", () => {
  const file = parseConfigFile(
    `[provider]
channels = ["beta", "beta"]
architectures = ["aarch64", "arm64", "riscv64"]
artifacts_dir = "images"
name = "Rack 12 ü"
bind = "::"
port = 0
interfaces = ["eth0", "192.168.1.10"]
advertise_url = "http://boot.example.org:8080/phase/"
state_dir = "../state"
[provider.channel.beta]
artifacts_dir = "/srv/beta"
architectures = ["amd64"]
[dht]
enabled = false
port = 65535
bootstrap_nodes = ["/dns4/boot.example.org/tcp/4001"]
port_mapping = true
refresh_interval = 60
record_ttl = 86400
protocol = "/phase/kad/1.0.0"
[mdns]
enabled = false
[signing]
key = "signing.pem"
passphrase_file = "/run/passphrase"
expires_days = 7
[http]
max_connections = 10
max_rate_per_connection = 1_000_000
drain_timeout = 60
access_log = true
[pxe]
loaders = "ipxe"
`,
    "/etc/plasm/provider.toml",
  );
  assert.deepEqual(mergeConfig(file, {}), {
    channels: ["beta"],
    architectures: ["arm64", "riscv64"],
    artifactsDir: "/etc/plasm/images",
    channelSettings: new Map([
      ["beta", { artifactsDir: "/srv/beta", architectures: ["x86_64"] }],
    ]),
    name: "Rack 12 ü",
    bind: "::",
    port: 0,
    interfaces: ["eth0", "192.168.1.10"],
    advertiseUrl: "http://boot.example.org:8080/phase",
    stateDir: "/etc/state",
    dht: {
      enabled: false,
      port: 65535,
      bootstrapNodes: ["/dns4/boot.example.org/tcp/4001"],
      refreshIntervalSeconds: 60,
      recordTtlSeconds: 86400,
      portMapping: true,
      protocol: "/phase/kad/1.0.0",
    },
    mdns: { enabled: false },
    signing: {
      keys: ["/etc/plasm/signing.pem"],
      passphraseFile: "/run/passphrase",
      expiresDays: 7,
    },
    http: {
      maxConnections: 10,
      maxRatePerConnectionBytesPerSecond: 1_000_000,
      drainTimeoutSeconds: 60,
      accessLog: true,
    },
    pxe: { loaders: "/etc/plasm/ipxe" },
  });
});

Deno.test("KNOWN_KEYS has each setting in its table, and what is made by hand", () => {
  assert.deepEqual(KNOWN_KEYS.get(""), [
    ...new Set(ALL_SETTINGS.map(({ table }) => table)),
  ]);
  for (const { table, name } of ALL_SETTINGS) {
    assert.ok(KNOWN_KEYS.get(table)?.includes(name), `[${table}] ${name}`);
  }
  assert.deepEqual(KNOWN_KEYS.get("provider")?.slice(0, 2), [
    "channels",
    "channel",
  ]);
  assert.deepEqual(KNOWN_KEYS.get("provider.channels.*"), [
    "artifacts_dir",
    "architectures",
  ]);
});

Deno.test("readSettings() takes one signing key or a list of them", () => {
  const keysOf = (key: unknown) => {
    const settings = readSettings({ signing: { key } }, (path) => `/${path}`);
    return settings.ok ? settings.value.signing?.keys : "refused";
  };
  assert.deepEqual(keysOf("a.pem"), ["/a.pem"]);
  assert.deepEqual(keysOf(["a.pem", "b.pem"]), ["/a.pem", "/b.pem"]);
  for (const wrong of [7, true, [7], [["a.pem"]], { key: "a.pem" }]) {
    assert.equal(keysOf(wrong), "refused", JSON.stringify(wrong));
  }
});

Deno.test("readSettings() locates every path, and nothing else", () => {
  const located: string[] = [];
  const settings = readSettings({
    provider: {
      name: "rack",
      artifacts_dir: "images",
      state_dir: "state",
      channel: { beta: { artifacts_dir: "beta" } },
    },
    signing: { key: "signing.pem" },
  }, (path) => {
    located.push(path);
    return `/etc/${path}`;
  });
  assert.ok(settings.ok);
  assert.deepEqual(located.sort(), ["beta", "images", "signing.pem", "state"]);
  assert.deepEqual(settings.value.signing?.keys, ["/etc/signing.pem"]);
  assert.equal(settings.value.name, "rack");
});

Deno.test("readSettings() says where in the document a value is refused", () => {
  const settings = readSettings({ dht: { port: -1 } }, (path) => path);
  assert.ok(!settings.ok);
  assert.deepEqual(settings.reason[0].path?.map(({ key }) => key), [
    "dht",
    "port",
  ]);
  assert.equal(settings.reason[0].input, -1);
});
