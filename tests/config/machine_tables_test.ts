import assert from "node:assert/strict";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import { mergeConfig } from "../../lib/config/provider_config.ts";

function machinesOf(text: string) {
  return mergeConfig(parseConfigFile(text, "/etc/plasm/p.toml"), {}).machines;
}

function refusalOf(text: string): string {
  try {
    machinesOf(text);
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
  assert.fail(`taken: ${text}`);
}

Deno.test("[[machines]] are rows in one spelling, with what boots by default", () => {
  assert.deepEqual(
    machinesOf(`
[[machines]]
mac = "52-54-00-12-34-56"
name = "rack1-07"
channel = "stable"
arch = "amd64"
cmdline = " console=ttyS1   quiet"

[[machines]]
uuid = "4C4C4544-0051-4A10-8057-B7C04F4B5032"
boot = "local"

[[machines]]
serial = " Q7JP2 "
`),
    [
      {
        mac: "52:54:00:12:34:56",
        name: "rack1-07",
        channel: "stable",
        arch: "x86_64",
        cmdline: "console=ttyS1 quiet",
        boot: "network",
      },
      { uuid: "4c4c4544-0051-4a10-8057-b7c04f4b5032", boot: "local" },
      { serial: "Q7JP2", boot: "menu" },
    ],
  );
  assert.deepEqual(machinesOf(""), []);
});

Deno.test("a mistake in a machine's row is named with its own line", () => {
  const first = '[[machines]]\nmac = "52:54:00:12:34:56"\n\n';
  const cases: readonly (readonly [row: string, message: RegExp])[] = [
    [
      'mac = "nonsense"',
      /line 5 column 7: "mac" in \[\[machines\]\] is not a MAC address, such as 52:54:00:12:34:56, got "nonsense"$/,
    ],
    [
      'mac = "525400123456"',
      /line 4 column 3: a machine with the mac "52:54:00:12:34:56" has a row already, keep one of them$/,
    ],
    [
      'name = "x"',
      /line 4 column 3: a machine needs a "mac", a "uuid" or a "serial" to be known by$/,
    ],
    [
      'serial = "a"\nbot = "menu"',
      /line 6 column 1: unknown key "bot" in \[\[machines\]\], did you mean "boot"\?$/,
    ],
    [
      'serial = "a"\nboot = "disk"',
      /line 6 column 8: "boot" in \[\[machines\]\] must be "network", "menu" or "local", got "disk"$/,
    ],
    [
      'serial = "a"\nboot = "network"',
      /line 6 column 1: boot = "network" needs a "channel" to boot, such as channel = "stable"$/,
    ],
    ["serial = 7", /line 5 column 10: "serial" .* must be a string, got 7$/],
    [
      'serial = "a"\nchannel = "../x"',
      /line 6 column 11: "channel" .* is not a channel name/,
    ],
    [
      'serial = "a"\ncmdline = "a ${b}"',
      /line 6 column 11: "cmdline" .* is not words that boot loaders can pass on/,
    ],
  ];
  for (const [row, message] of cases) {
    assert.match(refusalOf(`${first}[[machines]]\n${row}\n`), message, row);
  }
});

Deno.test("machines that are no list of tables are refused", () => {
  assert.match(
    refusalOf('[machines]\nmac = "52:54:00:12:34:56"\n'),
    /"machines" at the top level must be a list of tables, each as \[\[machines\]\]/,
  );
  assert.match(refusalOf("machines = [1]\n"), /line 1.*must be a table, got 1/);
  const many = "[[machines]]\nserial = 'x'\n".repeat(10_001);
  assert.match(refusalOf(many), /must be at most 10000 machines/);
});

Deno.test("[pxe] unknown is menu, ignore or a channel", () => {
  const unknownOf = (text: string) =>
    mergeConfig(parseConfigFile(text, "/x.toml"), {}).pxe.unknown;
  assert.equal(unknownOf(""), "menu");
  assert.equal(unknownOf('[pxe]\nunknown = "ignore"'), "ignore");
  assert.equal(unknownOf('[pxe]\nunknown = "stable"'), "stable");
  assert.match(
    refusalOf('[pxe]\nunknown = "No one"'),
    /"unknown" in \[pxe\] is not "menu", "ignore" or a channel/,
  );
});
