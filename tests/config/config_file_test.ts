import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import {
  DEFAULT_CONFIG,
  mergeConfig,
} from "../../lib/config/provider_config.ts";
import { ConfigError } from "../../lib/core/errors.ts";

const SPECIFICATION = `[provider]
# Channels to advertise
channels = ["stable", "testing"]

# Architectures to advertise
architectures = ["arm64", "x86_64"]

# Channel-specific settings
[provider.channels.stable]
artifacts_dir = "/var/lib/plasm/stable"

[provider.channels.testing]
artifacts_dir = "/var/lib/plasm/testing"
`;

const bothDirectories = new Map([
  ["stable", {
    artifactsDir: "/var/lib/plasm/stable",
    architectures: undefined,
  }],
  ["testing", {
    artifactsDir: "/var/lib/plasm/testing",
    architectures: undefined,
  }],
]);

/** Asserts what a file named plasmd.toml is refused with. */
function refused(text: string, place: string, problem: string): void {
  assert.throws(() => parseConfigFile(text, "plasmd.toml"), {
    name: "ConfigError",
    message: `Cannot use config "plasmd.toml" ${place}: ${problem}`,
  });
}

Deno.test("parseConfigFile() takes the specification's file to the letter", () => {
  const file = parseConfigFile(SPECIFICATION, "plasmd.toml");
  assert.deepEqual(file.channels, ["stable", "testing"]);
  assert.deepEqual(file.architectures, ["arm64", "x86_64"]);
  assert.deepEqual(file.channelSettings, bothDirectories);
});

Deno.test("parseConfigFile() takes the specification's file with CRLF and BOM", () => {
  const text = `\uFEFF${SPECIFICATION.replaceAll("\n", "\r\n")}`;
  const file = parseConfigFile(text, "plasmd.toml");
  assert.deepEqual(file.channelSettings, bothDirectories);
});

for (
  const [form, text] of [
    [
      "[provider.channel.X] tables",
      SPECIFICATION.replaceAll(".channels.", ".channel."),
    ],
    [
      "[provider.channels.X] tables without the list",
      SPECIFICATION.replace(/^channels = .*$/m, ""),
    ],
    [
      "quoted and spaced headers",
      SPECIFICATION.replaceAll(/channels\.(\w+)/g, ' "channels" . "$1" '),
    ],
    [
      "one [provider.channels] table",
      SPECIFICATION.replaceAll(
        /\[provider\.channels\.(\w+)\]\nartifacts_dir/g,
        "[provider.channels]\n$1.artifacts_dir",
      ).replace(/\n\[provider.channels\](?=\ntesting)/, ""),
    ],
    [
      "dotted keys",
      `[provider]
      architectures = ["arm64", "x86_64"]
      channels.stable.artifacts_dir = "/var/lib/plasm/stable"
      channels.testing = { artifacts_dir = '/var/lib/plasm/testing' }`,
    ],
  ] as const
) {
  Deno.test(`parseConfigFile() takes ${form}`, () => {
    const file = parseConfigFile(text, "plasmd.toml");
    assert.deepEqual(file.channels, ["stable", "testing"]);
    assert.deepEqual(file.channelSettings, bothDirectories);
  });
}

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
expires_days = 7
[http]
max_connections = 10
max_rate_per_connection = 1_000_000
drain_timeout = 60
`,
    "/etc/plasm/provider.toml",
  );
  assert.deepEqual(mergeConfig(DEFAULT_CONFIG, file, {}), {
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
    signing: { key: "/etc/plasm/signing.pem", expiresDays: 7 },
    http: {
      maxConnections: 10,
      maxRatePerConnectionBytesPerSecond: 1_000_000,
      drainTimeoutSeconds: 60,
    },
  });
});

Deno.test("parseConfigFile() leaves everything open in an empty file", () => {
  const file = parseConfigFile("", "plasmd.toml");
  assert.deepEqual(mergeConfig(DEFAULT_CONFIG, file, {}), DEFAULT_CONFIG);
});

Deno.test("parseConfigFile() makes paths relative to the file", () => {
  const text = '[provider]\nartifacts_dir = "images"\n';
  const artifactsDirOf = (path: string) =>
    parseConfigFile(text, path).artifactsDir;
  assert.equal(artifactsDirOf("plasmd.toml"), "images");
  assert.equal(artifactsDirOf("conf/plasmd.toml"), "conf/images");
  assert.equal(artifactsDirOf("/srv/plasmd.toml"), "/srv/images");
});

Deno.test("parseConfigFile() names an unknown key, its place and the nearest", () => {
  refused(
    '[provider]\n\nchanels = ["stable"]\n',
    "line 3 column 1",
    'unknown key "chanels" in [provider], did you mean "channels"?',
  );
  refused(
    "[provider.channels.stable]\n  artifact_dir = '/x'\n",
    "line 2 column 3",
    'unknown key "artifact_dir" in [provider.channels.stable], did you mean "artifacts_dir"?',
  );
  refused(
    "[provider.channel.stable]\nartifact_dir = '/x'\n",
    "line 2 column 1",
    'unknown key "artifact_dir" in [provider.channel.stable], did you mean "artifacts_dir"?',
  );
  refused(
    "# one\r\n[provder]\r\nport = 1\r\n",
    "line 2 column 2",
    'unknown key "provder" at the top level, did you mean "provider"?',
  );
  refused(
    "dht = { port = 1, enable = true }",
    "line 1 column 19",
    'unknown key "enable" in [dht], did you mean "enabled"?',
  );
  refused(
    "provider.dht.refresh = 1",
    "line 1 column 10",
    'unknown key "dht" in [provider], known are channels, channel, architectures, artifacts_dir, name, bind, port, interfaces, advertise_url, state_dir',
  );
  refused(
    'channels = ["stable"]\n',
    "line 1 column 1",
    'unknown key "channels" at the top level, it belongs in [provider]',
  );
});

Deno.test("parseConfigFile() reports the first of several problems", () => {
  refused(
    "[http]\nmax = 1\n[dht]\nport = -1\n[provider]\nnam = 1\n",
    "line 2 column 1",
    'unknown key "max" in [http], known are max_connections, max_rate_per_connection, drain_timeout',
  );
});

for (const key of ["constructor", "__proto__", "toString", "prototype"]) {
  Deno.test(`parseConfigFile() refuses the key ${key}`, () => {
    for (
      const text of [
        `${key} = 1`,
        `[dht]\n${key} = {}`,
        `[provider.channel.x]\n${key} = 1`,
      ]
    ) {
      assert.throws(
        () => parseConfigFile(text, "x.toml"),
        (e) =>
          e instanceof ConfigError &&
          e.message.includes(`unknown key "${key}"`),
      );
    }
  });
}

Deno.test("parseConfigFile() takes a channel that is named constructor", () => {
  const file = parseConfigFile(
    "[provider.channels.constructor]\nartifacts_dir = '/c'",
    "x.toml",
  );
  assert.deepEqual(file.channels, ["constructor"]);
});

Deno.test("parseConfigFile() names key, rule, value and place of a wrong value", () => {
  refused(
    '[provider]\nport = "80"\n',
    "line 2 column 8",
    '"port" in [provider] must be a whole number from 0 to 65535, got "80"',
  );
  refused(
    "[dht]\nport = 65536",
    "line 2 column 8",
    '"port" in [dht] must be a whole number from 0 to 65535, got 65536',
  );
  refused(
    "[mdns]\nenabled = 1",
    "line 2 column 11",
    '"enabled" in [mdns] must be true or false, got 1',
  );
  refused(
    '[provider]\nchannels = [\n  "stable",\n  "Testing",\n]\n',
    "line 4 column 3",
    'item 2 of "channels" in [provider] is not a channel name: 1 to 32 of a-z 0-9 . _ -, beginning with a letter or digit, got "Testing"',
  );
  refused(
    '[provider]\nchannels = "stable"',
    "line 2 column 12",
    '"channels" in [provider] must be a list, such as ["stable", "testing"], got "stable"',
  );
  refused(
    "[provider]\narchitectures = []",
    "line 2 column 17",
    '"architectures" in [provider] must not be empty, leave it out for the usual ones, got []',
  );
  refused(
    '[provider.channels."../x"]\n',
    "line 1 column 20",
    '"../x" in [provider.channels] is not a channel name: 1 to 32 of a-z 0-9 . _ -, beginning with a letter or digit, got "../x"',
  );
  refused(
    "dht = 1979-05-27",
    "line 1 column 7",
    '"dht" at the top level must be a table, got a date',
  );
  refused(
    "[[provider]]\nport = 1",
    "line 1 column 3",
    '"provider" at the top level must be a table, got a list',
  );
  refused(
    '[provider]\nadvertise_url = "ftp://x"',
    "line 2 column 17",
    '"advertise_url" in [provider] is not a URL that begins with http:// or https://, got "ftp://x"',
  );
  refused(
    "[dht]\nrecord_ttl = 86401",
    "line 2 column 14",
    '"record_ttl" in [dht] must be a whole number from 1 to 86400 (seconds), got 86401',
  );
  refused(
    "[dht]\nrefresh_interval = 0.5",
    "line 2 column 20",
    '"refresh_interval" in [dht] must be a whole number from 1 to 86400 (seconds), got 0.5',
  );
});

Deno.test("parseConfigFile() refuses records that run out before they are refreshed", () => {
  refused(
    "[dht]\nrefresh_interval = 600\nrecord_ttl = 600\n",
    "line 2 column 1",
    '"refresh_interval" (600 s) must be less than "record_ttl" (600 s) in [dht], set both',
  );
  refused(
    "[dht]\nrefresh_interval = 3600\n",
    "line 2 column 1",
    '"refresh_interval" (3600 s) must be less than "record_ttl" (3600 s) in [dht], set both',
  );
});

Deno.test("parseConfigFile() has a record refreshed at half its life", () => {
  const { dht } = parseConfigFile("[dht]\nrecord_ttl = 5\n", "/x.toml");
  assert.equal(dht?.recordTtlSeconds, 5);
  assert.equal(dht?.refreshIntervalSeconds, 2.5);
});

Deno.test("parseConfigFile() refuses both forms for one channel", () => {
  const problem =
    'channel "stable" is set up twice, in [provider.channels.stable] and in [provider.channel.stable], keep one of them';
  refused(
    "[provider.channels.stable]\n[provider.channel.stable]\n",
    "line 2 column 11",
    problem,
  );
  refused(
    "[provider]\nchannels.stable.artifacts_dir = '/a'\n[provider.channel.stable]\n",
    "line 3 column 19",
    problem,
  );
});

Deno.test("parseConfigFile() refuses a table for a channel that is not listed", () => {
  refused(
    'provider.channels = ["testing"]\n[provider.channels.tesitng]\n',
    "line 2 column 20",
    'channel "tesitng" has a table but is not in "channels", did you mean "testing"?',
  );
});

Deno.test("parseConfigFile() places a syntax error where the user wrote it", () => {
  refused(
    `${SPECIFICATION}port = = 1\n`,
    "line 14 column 8",
    "invalid value",
  );
  refused(
    "[provider.channels.stable] x\n",
    "line 1 column 28",
    "each key-value declaration must be followed by an end-of-line",
  );
});

Deno.test("parseConfigFile() does not rename what only looks like a header", () => {
  const name = "[provider.channels.x]";
  const file = parseConfigFile(
    `[provider]\nname = '''\n${name}'''\n# ${name}\n`.replace("'''\n[", "'''["),
    "x.toml",
  );
  assert.equal(file.name, name);
});

Deno.test("parseConfigFile() prints no control characters of the file", () => {
  assert.throws(
    () => parseConfigFile('"\\u001b[31m" = 1', "x.toml"),
    { message: /unknown key "\?\[31m" at the top level/ },
  );
});

Deno.test("parseConfigFile() throws nothing but ConfigError", () => {
  const fragment = fc.constantFrom(
    "[provider]",
    "[provider.channels.stable]",
    "[provider.channel.",
    "channels",
    "=",
    " = ",
    "\n",
    "\r\n",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    '"""',
    "'''",
    "#",
    ",",
    ".",
    "\\",
    "1",
    "nan",
    "dht",
    "port",
    "true",
    "1979-05-27",
    "\uFEFF",
    "\0",
    "é",
    "\uD800",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (text) => {
      try {
        parseConfigFile(text, "x.toml");
      } catch (error) {
        assert(error instanceof ConfigError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseConfigFile() survives deep nesting", () => {
  for (const deep of ["[".repeat(50_000), "{a=".repeat(50_000)]) {
    assert.throws(() => parseConfigFile(`a = ${deep}`, "x.toml"), ConfigError);
  }
});

Deno.test("parseConfigFile() reads back what was written", () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,31}$/);
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
  const path = fc.stringMatching(/^\/[a-zA-Z0-9 _"'\\é-]{1,20}$/);
  const port = fc.integer({ min: 0, max: 65535 });
  const document = fc.record({
    provider: fc.record({
      channels: names,
      artifacts_dir: path,
      port,
      state_dir: path,
    }, { requiredKeys: [] }),
    dht: fc.record({
      enabled: fc.boolean(),
      port,
      refresh_interval: fc.integer({ min: 1, max: 3599 }),
    }, { requiredKeys: [] }),
    mdns: fc.record({ enabled: fc.boolean() }, { requiredKeys: [] }),
  }, { requiredKeys: [] });
  fc.assert(fc.property(document, ({ provider, dht, mdns }) => {
    const text = stringify({
      ...(provider && { provider }),
      ...(dht && { dht }),
      ...(mdns && { mdns }),
    });
    const file = parseConfigFile(text, "/x.toml");
    assert.deepEqual(file.channels, provider?.channels);
    assert.equal(file.artifactsDir, provider?.artifacts_dir);
    assert.equal(file.port, provider?.port);
    assert.equal(file.stateDir, provider?.state_dir);
    assert.equal(file.dht?.enabled, dht?.enabled);
    assert.equal(file.dht?.port, dht?.port);
    assert.equal(file.dht?.refreshIntervalSeconds, dht?.refresh_interval);
    assert.equal(file.mdns?.enabled, mdns?.enabled);
  }));
});
