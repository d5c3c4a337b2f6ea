import assert from "node:assert/strict";
import {
  commandSteps,
  helpCommand,
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

Deno.test("commandSteps() leads word by word to each command", () => {
  const commands = {
    "key show": { summary: "shows", options: {} },
    "key make": { summary: "makes", options: {} },
    serve: { summary: "serves", options: {} },
  };
  assert.deepEqual(commandSteps({ ...PROGRAM, commands }), [
    { from: "", word: "key", to: "key" },
    { from: "key", word: "show", to: "key show" },
    { from: "key", word: "make", to: "key make" },
    { from: "", word: "serve", to: "serve" },
  ]);
});

Deno.test("helpCommand() is a line to be typed, with or without a command", () => {
  assert.equal(helpCommand(PROGRAM, "key show"), "tool key show --help");
  assert.equal(helpCommand(PROGRAM, ""), "tool --help");
});
