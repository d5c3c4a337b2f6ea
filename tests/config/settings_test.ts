import assert from "node:assert/strict";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import { mergeConfig, settingIn } from "../../lib/config/provider_config.ts";
import {
  ALL_SETTINGS,
  ARCHITECTURES,
  CHANNELS,
  type Setting,
  SETTING_OPTIONS,
} from "../../lib/config/settings.ts";

const EXAMPLE = await Deno.readTextFile(
  new URL("../../examples/provider.toml", import.meta.url),
);

/** The lines of a table in the example that set a key, commented out or not. */
function linesOf({ table, name }: Setting): RegExpExecArray[] {
  const tables = EXAMPLE.split(/^\[(.+)\]$/m);
  const own = tables[tables.indexOf(table) + 1] ?? "";
  return [...own.matchAll(new RegExp(`^(# )?${name} = (.+)$`, "gm"))];
}

/** What the configuration is with one line in one table. */
function valueOf(setting: Setting, line: string): unknown {
  const file = parseConfigFile(`[${setting.table}]\n${line}\n`, "/x.toml");
  return settingIn(mergeConfig(file, {}), setting);
}

for (const setting of ALL_SETTINGS) {
  const { table, name } = setting;
  Deno.test(`examples/provider.toml has [${table}] ${name} once, with its default or an example`, () => {
    const lines = linesOf(setting);
    assert.equal(lines.length, 1, "its table has it once");
    const [, comment, written = ""] = lines[0] ?? [];
    const value = valueOf(setting, `${name} = ${written}`);
    assert.notEqual(value, undefined);
    // An empty list would show nothing.
    if (setting.default !== undefined && !Array.isArray(setting.default)) {
      assert.deepEqual(value, setting.default);
      assert.ok(comment, "a default is commented out");
    }
  });
}

Deno.test("ALL_SETTINGS has no two settings or flags of one name", () => {
  const keys = ALL_SETTINGS.map(({ table, key }) => `${table}.${key}`);
  assert.deepEqual(keys, [...new Set(keys)]);
  const flags = ALL_SETTINGS.flatMap(({ flag }) => flag ?? []);
  assert.deepEqual(flags, [...new Set(flags)]);
  // By hand, not rows.
  assert.ok(!flags.includes("channel"));
});

Deno.test("ALL_SETTINGS has defaults that a file may say, too", () => {
  for (const setting of ALL_SETTINGS) {
    if (setting.default === undefined) continue;
    const line = `${setting.name} = ${JSON.stringify(setting.default)}`;
    assert.deepEqual(valueOf(setting, line), setting.default, line);
  }
});

Deno.test("CHANNELS and ARCHITECTURES take the example that they show, and what a shell offers", () => {
  for (const { example, completes, parse } of [CHANNELS, ARCHITECTURES]) {
    const shown: string[] = JSON.parse(example);
    assert.deepEqual(shown, completes);
    for (const value of shown) {
      assert.deepEqual(parse(value), { ok: true, value });
    }
  }
});

Deno.test("SETTING_OPTIONS has an option for each setting with a flag", () => {
  assert.deepEqual(
    Object.keys(SETTING_OPTIONS),
    ALL_SETTINGS.flatMap(({ flag }) => flag ?? []),
  );
});

Deno.test("SETTING_OPTIONS says the default, or what decides instead, and has none of its own", () => {
  const { port, p2pPort, bind, interface: interfaces } = SETTING_OPTIONS;
  assert.equal("defaultText" in port && port.defaultText, "8080");
  assert.equal(p2pPort.defaultText, "4001 if it is free");
  assert.ok(!("defaultText" in bind));
  assert.ok(!("defaultText" in interfaces));
  // Otherwise a flag that is not given would win over the file.
  for (const option of Object.values(SETTING_OPTIONS)) {
    assert.ok(!("default" in option));
  }
});
