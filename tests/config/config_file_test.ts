import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import {
  DEFAULT_CONFIG,
  mergeConfig,
} from "../../lib/config/provider_config.ts";
import { ConfigError } from "../../lib/core/errors.ts";
import { refusedConfig } from "../support/refused_config.ts";

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

Deno.test("parseConfigFile() leaves everything open in an empty file", () => {
  const file = parseConfigFile("", "plasmd.toml");
  assert.deepEqual(mergeConfig(file, {}), DEFAULT_CONFIG);
});

Deno.test("parseConfigFile() makes paths relative to the file", () => {
  const text = '[provider]\nartifacts_dir = "images"\n';
  const artifactsDirOf = (path: string) =>
    parseConfigFile(text, path).artifactsDir;
  assert.equal(artifactsDirOf("plasmd.toml"), "images");
  assert.equal(artifactsDirOf("conf/plasmd.toml"), "conf/images");
  assert.equal(artifactsDirOf("/srv/plasmd.toml"), "/srv/images");
});

Deno.test("parseConfigFile() takes a channel that is named constructor", () => {
  const file = parseConfigFile(
    "[provider.channels.constructor]\nartifacts_dir = '/c'",
    "x.toml",
  );
  assert.deepEqual(file.channels, ["constructor"]);
});

Deno.test("parseConfigFile() refuses records that run out before they are refreshed", () => {
  refusedConfig(
    "[dht]\nrefresh_interval = 600\nrecord_ttl = 600\n",
    "line 2 column 1",
    '"refresh_interval" (600 s) must be less than "record_ttl" (600 s) in [dht], set both',
  );
  refusedConfig(
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
  refusedConfig(
    "[provider.channels.stable]\n[provider.channel.stable]\n",
    "line 2 column 19",
    problem,
  );
  refusedConfig(
    "[provider]\nchannels.stable.artifacts_dir = '/a'\n[provider.channel.stable]\n",
    "line 3 column 19",
    problem,
  );
});

Deno.test("parseConfigFile() refuses a table for a channel that is not listed", () => {
  refusedConfig(
    'provider.channels = ["testing"]\n[provider.channels.tesitng]\n',
    "line 2 column 20",
    'channel "tesitng" has a table but is not in "channels", did you mean "testing"?',
  );
});

Deno.test("parseConfigFile() places a syntax error where the user wrote it", () => {
  refusedConfig(
    `${SPECIFICATION}port = = 1\n`,
    "line 14 column 8",
    '"port": invalid value',
  );
  refusedConfig(
    "[provider.channels.stable] x\n",
    "line 1 column 28",
    "[provider.channels.stable]: each key-value declaration must be followed by an end-of-line",
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
      ...provider !== undefined && { provider },
      ...dht !== undefined && { dht },
      ...mdns !== undefined && { mdns },
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

Deno.test("parseConfigFile() refuses what contradicts the public DHT", () => {
  const amino = '[dht]\nnetwork = "amino"\n';
  refusedConfig(
    `${amino}protocol = "/phase/kad/1.0.0"`,
    "line 3 column 1",
    '"protocol" and network = "amino" exclude each other in [dht]: the public DHT uses "/ipfs/kad/1.0.0", leave one of them out',
  );
  refusedConfig(
    `${amino}refresh_interval = 600`,
    "line 3 column 1",
    '"refresh_interval" and network = "amino" exclude each other in [dht]: images are published again in the public DHT every 22 hours, leave one of them out',
  );
  refusedConfig(
    '[dht]\nnetwork = "ipfs"',
    "line 2 column 11",
    '"network" in [dht] is not a DHT network, which is "private" or "amino", got "ipfs"',
  );
  const { dht } = parseConfigFile(
    `${amino}protocol = "/ipfs/kad/1.0.0"\nrecord_ttl = 600`,
    "plasmd.toml",
  );
  assert.equal(dht?.network, "amino");
});
