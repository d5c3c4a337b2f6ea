import assert from "node:assert/strict";
import {
  helpCommand,
  isCommandGroup,
  optionName,
  optionSpellings,
  type Program,
} from "../../lib/config/option_table.ts";

const PROGRAM: Program = {
  name: "tool",
  summary: "does things",
  options: {},
  commands: {
    serve: { summary: "serves", options: {} },
    "key show": { summary: "shows", options: {} },
  },
};

Deno.test("optionName() and optionSpellings() write options as they are typed", () => {
  assert.equal(optionName("advertiseUrl"), "advertise-url");
  assert.equal(optionName("p2pPort"), "p2p-port");
  const flag = { type: "flag", help: "h" } as const;
  assert.deepEqual(optionSpellings("dryRun", flag), ["--dry-run"]);
  const toggle = { type: "toggle", help: "h" } as const;
  assert.deepEqual(optionSpellings("dht", toggle), ["--no-dht", "--dht"]);
});

Deno.test("isCommandGroup() knows first words that several commands may share", () => {
  assert.ok(isCommandGroup(PROGRAM, "key"));
  assert.ok(!isCommandGroup(PROGRAM, "serve"));
  assert.ok(!isCommandGroup(PROGRAM, "ke"));
});

Deno.test("helpCommand() is a line to be typed, with or without a command", () => {
  assert.equal(helpCommand(PROGRAM, "key show"), "tool key show --help");
  assert.equal(helpCommand(PROGRAM, ""), "tool --help");
});
