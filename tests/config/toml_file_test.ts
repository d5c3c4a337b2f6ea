import assert from "node:assert/strict";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import { parseImageFile } from "../../lib/config/image_file.ts";
import { ConfigError } from "../../lib/core/errors.ts";
import { refusedConfig } from "../support/refused_config.ts";

Deno.test("parseConfigFile() names an unknown key, its place and the nearest", () => {
  refusedConfig(
    '[provider]\n\nchanels = ["stable"]\n',
    "line 3 column 1",
    'unknown key "chanels" in [provider], did you mean "channels"?',
  );
  refusedConfig(
    "[provider.channels.stable]\n  artifact_dir = '/x'\n",
    "line 2 column 3",
    'unknown key "artifact_dir" in [provider.channels.stable], did you mean "artifacts_dir"?',
  );
  refusedConfig(
    "[provider.channel.stable]\nartifact_dir = '/x'\n",
    "line 2 column 1",
    'unknown key "artifact_dir" in [provider.channel.stable], did you mean "artifacts_dir"?',
  );
  refusedConfig(
    "# one\r\n[provder]\r\nport = 1\r\n",
    "line 2 column 2",
    'unknown key "provder" at the top level, did you mean "provider"?',
  );
  refusedConfig(
    "dht = { port = 1, enable = true }",
    "line 1 column 19",
    'unknown key "enable" in [dht], did you mean "enabled"?',
  );
  refusedConfig(
    "provider.dht.refresh = 1",
    "line 1 column 10",
    'unknown key "dht" in [provider], known are channels, channel, architectures, artifacts_dir, name, bind, port, interfaces, advertise_url, state_dir',
  );
  refusedConfig(
    'channels = ["stable"]\n',
    "line 1 column 1",
    'unknown key "channels" at the top level, it belongs in [provider]',
  );
});

for (const channel of ["boot", "blobs"]) {
  Deno.test(`parseConfigFile() refuses a channel ${channel}, whose URLs lead to something else`, () => {
    const why =
      `is not a channel name: /${channel}/ is a reserved path on every provider, got "${channel}"`;
    refusedConfig(
      `[provider]\nchannels = ["stable", "${channel}"]`,
      "line 2 column 23",
      `item 2 of "channels" in [provider] ${why}`,
    );
    refusedConfig(
      `[provider.channels.${channel}]\n`,
      "line 1 column 20",
      `"${channel}" in [provider.channels] ${why}`,
    );
  });
}

Deno.test("parseConfigFile() reports all problems of a file, in the order of its lines", () => {
  refusedConfig(
    "[http]\nmax = 1\n[dht]\nport = -1\n[provider]\nnam = 1\n",
    "line 2 column 1",
    'unknown key "max" in [http], known are max_connections, max_rate_per_connection, drain_timeout, access_log; line 4 column 8: "port" in [dht] must be a whole number from 0 to 65535, got -1; line 6 column 1: unknown key "nam" in [provider], did you mean "name"?',
  );
  refusedConfig(
    '[dht]\nrefresh_interval = 7200\n[provider]\nchannels = ["a", "B"]\n[provider.channels.c]\narchitectures = ["arm64", 7]\n',
    "line 2 column 1",
    '"refresh_interval" (7200 s) must be less than "record_ttl" (3600 s) in [dht], set both; line 4 column 18: item 2 of "channels" in [provider] is not a channel name: 1 to 32 of a-z 0-9 . _ -, beginning with a letter or digit, got "B"; line 5 column 20: channel "c" has a table but is not in "channels", did you mean "a"?; line 6 column 27: item 2 of "architectures" in [provider.channels.c] must be a string, got 7',
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

Deno.test("parseConfigFile() names key, rule, value and place of a wrong value", () => {
  refusedConfig(
    '[provider]\nport = "80"\n',
    "line 2 column 8",
    '"port" in [provider] must be a whole number from 0 to 65535, got "80"',
  );
  refusedConfig(
    "[dht]\nport = 65536",
    "line 2 column 8",
    '"port" in [dht] must be a whole number from 0 to 65535, got 65536',
  );
  refusedConfig(
    "[mdns]\nenabled = 1",
    "line 2 column 11",
    '"enabled" in [mdns] must be true or false, got 1',
  );
  refusedConfig(
    '[provider]\nchannels = [\n  "stable",\n  "Testing",\n]\n',
    "line 4 column 3",
    'item 2 of "channels" in [provider] is not a channel name: 1 to 32 of a-z 0-9 . _ -, beginning with a letter or digit, got "Testing"',
  );
  refusedConfig(
    '[provider]\nchannels = "stable"',
    "line 2 column 12",
    '"channels" in [provider] must be a list, such as ["stable", "testing"], got "stable"',
  );
  refusedConfig(
    "[provider]\narchitectures = []",
    "line 2 column 17",
    '"architectures" in [provider] must not be empty, leave it out for the default, got []',
  );
  refusedConfig(
    '[provider.channels."../x"]\n',
    "line 1 column 20",
    '"../x" in [provider.channels] is not a channel name: 1 to 32 of a-z 0-9 . _ -, beginning with a letter or digit, got "../x"',
  );
  refusedConfig(
    "dht = 1979-05-27",
    "line 1 column 7",
    '"dht" at the top level must be a table, got a date',
  );
  refusedConfig(
    "[[provider]]\nport = 1",
    "line 1 column 3",
    '"provider" at the top level must be a table, got a list',
  );
  refusedConfig(
    '[provider]\nadvertise_url = "ftp://x"',
    "line 2 column 17",
    '"advertise_url" in [provider] is not a URL that begins with http:// or https://, got "ftp://x"',
  );
  refusedConfig(
    "[dht]\nrecord_ttl = 86401",
    "line 2 column 14",
    '"record_ttl" in [dht] must be a whole number from 1 to 86400 (seconds), got 86401',
  );
  refusedConfig(
    "[dht]\nrefresh_interval = 0.5",
    "line 2 column 20",
    '"refresh_interval" in [dht] must be a whole number from 1 to 86400 (seconds), got 0.5',
  );
});

Deno.test("parseConfigFile() prints no control characters of the file", () => {
  assert.throws(
    () => parseConfigFile('"\\u001b[31m" = 1', "x.toml"),
    { message: /unknown key "\?\[31m" at the top level/ },
  );
});

Deno.test("parseImageFile() reports all problems of a file", () => {
  assert.throws(() => parseImageFile("kernal = 'a'\nfiles = [1]", "i.toml"), {
    message:
      'Cannot use config "i.toml" line 1 column 1: unknown key "kernal", did you mean "kernel"?; line 2 column 9: "files" must be a list of paths below the directory, such as ["*.raw.xz"], got a list',
  });
});

Deno.test("parseConfigFile() counts what would be too much to tell", () => {
  const keys = Array.from({ length: 25 }, (_, i) => `k${i} = 1`).join("\n");
  assert.throws(() => parseConfigFile(keys, "x.toml"), (error) => {
    assert(error instanceof ConfigError);
    assert.equal(error.message.match(/unknown key/g)?.length, 20);
    assert.match(error.message, /line 20 column 1: [^;]*; and 5 more$/);
    return true;
  });
});
