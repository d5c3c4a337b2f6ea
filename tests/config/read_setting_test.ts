import assert from "node:assert/strict";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import { mergeConfig } from "../../lib/config/provider_config.ts";
import { readSetting } from "../../lib/config/read_setting.ts";
import { ALL_SETTINGS, SETTINGS } from "../../lib/config/settings.ts";
import { readTomlFile } from "../../lib/config/toml_file.ts";
import { ConfigError } from "../../lib/core/errors.ts";
import { ok } from "../../lib/core/result.ts";

const EVERY_KEY = `[provider]
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
network = "private"
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
enabled = true
allow = ["52-54-00-*"]
deny = ["*:ff"]
relays = true
loaders = "ipxe"
bios_loader = "core.0"
x86_64_loader = "grubx64.efi"
arm64_loader = "arm64/snponly.efi"
unknown = "ignore"
[[machines]]
mac = "52-54-00-12-34-56"
`;

Deno.test("parseConfigFile() reads every key", () => {
  const file = parseConfigFile(
    EVERY_KEY,
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
      network: "private",
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
    pxe: {
      enabled: true,
      allow: ["52:54:00:*"],
      deny: ["*:ff"],
      relays: true,
      loaders: "/etc/plasm/ipxe",
      biosLoader: "core.0",
      x86Loader: "grubx64.efi",
      arm64Loader: "arm64/snponly.efi",
      unknown: "ignore",
    },
    machines: [{ mac: "52:54:00:12:34:56", boot: "menu" }],
  });
});

Deno.test("parseConfigFile() knows each setting in its table", () => {
  for (const { table, name } of ALL_SETTINGS) {
    assert.throws(
      () => parseConfigFile(`[${table}]\n${name} = {}`, "x.toml"),
      new RegExp(`"${name}" in \\[${table}\\] must be .*, got a table`),
    );
  }
});

Deno.test("parseConfigFile() takes one signing key or a list of them", () => {
  const keysOf = (key: string) =>
    parseConfigFile(`[signing]\nkey = ${key}`, "/x.toml").signing?.keys;
  assert.deepEqual(keysOf('"a.pem"'), ["/a.pem"]);
  assert.deepEqual(keysOf('["a.pem", "b.pem"]'), ["/a.pem", "/b.pem"]);
  for (
    const wrong of ["7", "true", "[7]", '[["a.pem"]]', '{ key = "a.pem" }']
  ) {
    assert.throws(() => keysOf(wrong), ConfigError, wrong);
  }
});

Deno.test("readSetting() locates every path, and nothing else", () => {
  const located: string[] = [];
  const locate = (path: string) => {
    located.push(path);
    return ok(`/etc/${path}`);
  };
  const text = `
    name = "rack"
    artifacts_dir = "images"
    key = "signing.pem"
    interfaces = ["eth0"]`;
  const rows = [
    "provider.name",
    "provider.artifacts_dir",
    "signing.key",
    "provider.interfaces",
  ] as const;
  const values = readTomlFile(text, "x.toml", {}, (root) => {
    const members = root.members();
    return rows.map((row) => {
      const given = members?.get(row.split(".").at(-1) ?? "");
      return given && readSetting(SETTINGS[row], given, locate);
    });
  });
  assert.deepEqual(located.sort(), ["images", "signing.pem"]);
  assert.deepEqual(values, ["rack", "/etc/images", ["/etc/signing.pem"], [
    "eth0",
  ]]);
});
