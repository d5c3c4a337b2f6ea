import assert from "node:assert/strict";
import { renderHelp } from "../../lib/config/command_help.ts";
import type { Program } from "../../lib/config/option_table.ts";

const PROGRAM: Program = {
  name: "tool",
  summary: "Does things",
  options: {
    logLevel: {
      type: "choice",
      choices: ["debug", "info"],
      default: "info",
      help: "how much is said",
    },
  },
  commands: {
    serve: {
      summary: "Offers images",
      options: {
        channel: {
          type: "text",
          placeholder: "NAME",
          help: "channels to offer",
          repeatable: true,
        },
        port: {
          type: "integer",
          placeholder: "N",
          min: 0,
          max: 9,
          help: "port of HTTP",
          defaultText: "8080",
        },
        dht: { type: "toggle", help: "open no DHT node" },
      },
      examples: ["tool serve --port 0"],
    },
    "key show": {
      summary: "Prints a key",
      options: {},
      positionals: {
        file: {
          type: "text",
          placeholder: "FILE",
          help: "the key",
          required: true,
        },
      },
    },
  },
  groups: { key: "Makes and prints keys" },
};

Deno.test("renderHelp() lists the commands of a program", () => {
  assert.equal(
    renderHelp(PROGRAM, ""),
    `Usage: tool COMMAND [OPTIONS]

Does things

Commands:
  serve     Offers images
  key show  Prints a key

Options of every command:
  --log-level debug|info  how much is said (default: info)
  --help, -h              show this text
  --version, -V           show the version

More: tool COMMAND --help
`,
  );
});

Deno.test("renderHelp() lists the commands of a group", () => {
  const text = renderHelp(PROGRAM, "key");
  assert(
    text.startsWith(
      "Usage: tool key COMMAND [OPTIONS]\n\nMakes and prints keys\n\nCommands:\n  key show  Prints a key\n\n",
    ),
    text,
  );
});

Deno.test("renderHelp() lists the options of a command with their defaults", () => {
  assert.equal(
    renderHelp(PROGRAM, "serve"),
    `Usage: tool serve [OPTIONS]

Offers images

Options:
  --channel NAME          channels to offer (repeatable)
  --port N                port of HTTP (default: 8080)
  --no-dht                open no DHT node
  --log-level debug|info  how much is said (default: info)
  --help, -h              show this text
  --version, -V           show the version

Examples:
  tool serve --port 0
`,
  );
});

Deno.test("renderHelp() lists the arguments of a command", () => {
  const text = renderHelp(PROGRAM, "key show");
  assert(
    text.startsWith(
      "Usage: tool key show [OPTIONS] FILE\n\nPrints a key\n\nArguments:\n  FILE  the key\n\n",
    ),
    text,
  );
});

Deno.test("renderHelp() wraps to the width of a terminal, below the text", () => {
  const help = (columns: number) => renderHelp(PROGRAM, "serve", columns);
  const option = "  --channel NAME          channels";
  assert.ok(
    help(50).includes(`${option} to offer\n${" ".repeat(26)}(repeatable)\n`),
  );
  for (const columns of [40, 50, 78, 79]) {
    for (const line of help(columns).split("\n")) {
      assert.ok(line.length <= columns, `${columns}: "${line}"`);
    }
    assert.equal(
      help(columns).replaceAll(/\s+/g, " "),
      renderHelp(PROGRAM, "serve").replaceAll(/\s+/g, " "),
      "nothing is lost",
    );
  }
  // A terminal that is too narrow for two columns.
  assert.ok(help(34).includes(`${option}\n    to offer (repeatable)\n`));
  assert.equal(help(1000), renderHelp(PROGRAM, "serve"));
});

Deno.test("renderHelp() leaves a word whole that is longer than a line", () => {
  const word = "x".repeat(60);
  const program = { ...PROGRAM, summary: `${word} ${word}` };
  assert.ok(renderHelp(program, "", 30).includes(word));
});
