import assert from "node:assert/strict";
import { completionsOf } from "../../lib/config/completion_model.ts";
import type { Program } from "../../lib/config/option_table.ts";

const PROGRAM: Program = {
  name: "tool",
  summary: "does things",
  options: {
    level: { type: "choice", choices: ["a", "b"], help: "how much" },
  },
  commands: {
    "key show": {
      summary: "shows a key",
      options: {
        out: {
          type: "text",
          placeholder: "FILE",
          help: "where to",
          completes: "file",
          repeatable: true,
        },
        dht: { type: "toggle", help: "no DHT" },
      },
      positionals: {
        kind: { type: "choice", choices: ["pem", "hex"], help: "as what" },
        file: {
          type: "text",
          placeholder: "FILE",
          help: "which",
          completes: "file",
        },
      },
    },
    serve: { summary: "serves", options: {} },
  },
  groups: { key: "about keys" },
};

Deno.test("completionsOf() offers commands and groups with what they do", () => {
  const [first, group] = completionsOf(PROGRAM);
  assert.equal(first?.command, "");
  assert.deepEqual(first?.words, [
    { word: "key", help: "about keys" },
    { word: "serve", help: "serves" },
  ]);
  assert.equal(group?.command, "key");
  assert.deepEqual(group?.words, [{ word: "show", help: "shows a key" }]);
});

Deno.test("completionsOf() offers a command's arguments and options, and those of every command", () => {
  const show = completionsOf(PROGRAM).find((c) => c.command === "key show");
  assert.deepEqual(show?.words.map(({ word }) => word), ["pem", "hex"]);
  assert.equal(show?.files, true);
  assert.deepEqual(show?.options.map(({ spelling }) => spelling), [
    "--out",
    "--no-dht",
    "--level",
    "--help",
    "-h",
    "--version",
  ]);
  const [out, dht, level] = show?.options ?? [];
  assert.deepEqual(
    [out?.repeatable, out?.takesValue, out?.values],
    [true, true, "file"],
  );
  assert.deepEqual([dht?.repeatable, dht?.takesValue], [false, false]);
  assert.deepEqual(level?.values, ["a", "b"]);
});
