import assert from "node:assert/strict";
import { SETTING_OPTIONS } from "../../lib/config/setting_options.ts";
import { ALL_SETTINGS } from "../../lib/config/settings.ts";

Deno.test("SETTING_OPTIONS has an option for each setting with a flag", () => {
  assert.deepEqual(
    Object.keys(SETTING_OPTIONS),
    ALL_SETTINGS.flatMap(({ flag }) => flag?.name ?? []),
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
