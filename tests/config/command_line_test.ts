import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Invocation,
  parseCommandLine,
} from "../../lib/config/command_line.ts";
import type { Program } from "../../lib/config/option_table.ts";
import { UsageError } from "../../lib/core/errors.ts";
import { parseArch } from "../../lib/core/channel_arch.ts";

const PROGRAM = {
  name: "tool",
  summary: "does things",
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
      summary: "offer images",
      options: {
        config: { type: "text", placeholder: "FILE", help: "settings" },
        channel: {
          type: "text",
          placeholder: "NAME",
          help: "channels",
          repeatable: true,
        },
        arch: {
          type: "text",
          placeholder: "NAME",
          help: "arch",
          parse: parseArch,
        },
        p2pPort: {
          type: "integer",
          placeholder: "N",
          min: 0,
          max: 65535,
          help: "port",
        },
        timeout: {
          type: "seconds",
          placeholder: "SECONDS",
          max: 3600,
          default: 30,
          help: "time",
        },
        dht: { type: "toggle", help: "no DHT" },
        dryRun: { type: "flag", help: "only say" },
      },
    },
    "manifest show": { summary: "print", options: {} },
    "manifest verify": {
      summary: "check",
      options: {},
      positionals: {
        file: {
          type: "text",
          placeholder: "FILE",
          help: "what to check",
          required: true,
        },
        more: {
          type: "text",
          placeholder: "FILE",
          help: "more",
          repeatable: true,
        },
      },
    },
    completions: {
      summary: "for shells",
      options: {},
      positionals: {
        shell: {
          type: "choice",
          choices: ["bash", "zsh"],
          help: "which",
          required: true,
        },
      },
    },
  },
} as const satisfies Program;

const SINGLE = {
  name: "find",
  summary: "finds",
  options: {},
  commands: {
    "": { summary: "finds", options: { all: { type: "flag", help: "all" } } },
  },
} as const satisfies Program;

const parse = (...argv: string[]): Invocation<typeof PROGRAM> =>
  parseCommandLine(argv, PROGRAM);

/** The values of `tool serve` with some options. */
function serve(...argv: string[]) {
  const invocation = parse("serve", ...argv);
  assert(invocation.kind === "run" && invocation.command === "serve");
  return invocation.values;
}

function refused(argv: string[], message: string): void {
  assert.throws(() => parse(...argv), { name: "UsageError", message });
}

Deno.test("parseCommandLine() gives defaults for what is not said", () => {
  assert.deepEqual(serve(), {
    logLevel: "info",
    config: undefined,
    channel: [],
    arch: undefined,
    p2pPort: undefined,
    timeout: 30,
    dht: undefined,
    dryRun: false,
  });
});

Deno.test("parseCommandLine() types what it gives", () => {
  // Wrong types here are compile errors.
  const { channel, p2pPort, timeout, dht, dryRun, logLevel } = serve();
  const typed: {
    channel: readonly string[];
    p2pPort: number | undefined;
    timeout: number;
    dht: boolean | undefined;
    dryRun: boolean;
    logLevel: "debug" | "info";
  } = { channel, p2pPort, timeout, dht, dryRun, logLevel };
  assert.equal(typed.timeout, 30);
});

Deno.test("parseCommandLine() takes --x v and --x=v", () => {
  for (
    const argv of [
      [
        "--config",
        "f",
        "--p2p-port",
        "0",
        "--timeout",
        "1.5",
        "--channel",
        "a",
        "--channel",
        "b",
        "--dry-run",
      ],
      [
        "--config=f",
        "--p2p-port=0",
        "--timeout=1.5",
        "--channel=a",
        "--channel=b",
        "--dry-run",
      ],
    ]
  ) {
    const { config, p2pPort, timeout, channel, dryRun } = serve(...argv);
    assert.deepEqual({ config, p2pPort, timeout, channel, dryRun }, {
      config: "f",
      p2pPort: 0,
      timeout: 1.5,
      channel: ["a", "b"],
      dryRun: true,
    });
  }
});

Deno.test("parseCommandLine() takes what the option's own parser makes", () => {
  assert.equal(serve("--arch", "aarch64").arch, "arm64");
});

Deno.test("parseCommandLine() takes --no-x and --x, the last one counts", () => {
  assert.equal(serve("--no-dht").dht, false);
  assert.equal(serve("--dht").dht, true);
  assert.equal(serve("--dht", "--no-dht").dht, false);
  assert.equal(serve("--config", "a", "--config", "b").config, "b");
});

Deno.test("parseCommandLine() takes values that begin with a dash when they are joined", () => {
  assert.equal(serve("--config=-f").config, "-f");
  assert.equal(serve("--config", "-").config, "-");
});

Deno.test("parseCommandLine() takes common options before the command", () => {
  const invocation = parse("--log-level", "debug", "manifest", "show");
  assert.deepEqual(invocation, {
    kind: "run",
    command: "manifest show",
    values: { logLevel: "debug" },
  });
});

Deno.test("parseCommandLine() takes arguments, also behind --", () => {
  for (
    const argv of [["a", "b", "c"], ["--", "a", "b", "c"], [
      "a",
      "--",
      "b",
      "c",
    ]]
  ) {
    const invocation = parse("manifest", "verify", ...argv);
    assert(
      invocation.kind === "run" && invocation.command === "manifest verify",
    );
    assert.equal(invocation.values.file, "a");
    assert.deepEqual(invocation.values.more, ["b", "c"]);
  }
});

Deno.test("parseCommandLine() knows programs without commands", () => {
  assert.deepEqual(parseCommandLine(["--all"], SINGLE), {
    kind: "run",
    command: "",
    values: { all: true },
  });
  assert.throws(() => parseCommandLine(["stable"], SINGLE), {
    message: 'Unexpected argument "stable". See find --help',
  });
});

Deno.test("parseCommandLine() lets --help win over what is wrong beside it", () => {
  for (
    const [argv, command] of [
      [["--help"], ""],
      [["-h"], ""],
      [["serve", "--help"], "serve"],
      [["serve", "--port", "--help"], "serve"],
      [["serve", "x", "-h", "--nonsense"], "serve"],
      [["manifest", "--help"], "manifest"],
      [["manifest", "show", "--help"], "manifest show"],
    ] as const
  ) {
    assert.deepEqual(parse(...argv), { kind: "help", command });
  }
  assert.deepEqual(parse("--version"), { kind: "version" });
  assert.deepEqual(parse("serve", "--version"), { kind: "version" });
  refused(
    ["serve", "--", "--help"],
    'Unexpected argument "--help". See tool serve --help',
  );
});

Deno.test("parseCommandLine() suggests the option that was meant", () => {
  refused(
    ["serve", "--chanel", "stable"],
    'Unknown option "--chanel". Did you mean --channel? See tool serve --help',
  );
  refused(
    ["serve", "--nodht"],
    'Unknown option "--nodht". Did you mean --no-dht? See tool serve --help',
  );
  refused(
    ["serve", "--p2p_port=1"],
    'Unknown option "--p2p_port". Did you mean --p2p-port? See tool serve --help',
  );
  refused(
    ["serve", "--zzzzzz"],
    'Unknown option "--zzzzzz". See tool serve --help',
  );
  refused(["serve", "-c"], 'Unknown option "-c". See tool serve --help');
  refused(
    ["serve", "--__proto__=x"],
    'Unknown option "--__proto__". See tool serve --help',
  );
  refused(
    ["--channel", "a", "serve"],
    'Unknown option "--channel" before the command. Put the command first: tool COMMAND --channel. See tool --help',
  );
});

Deno.test("parseCommandLine() suggests the command that was meant", () => {
  refused(
    ["serv"],
    'Unknown command "serv". Did you mean serve? See tool --help',
  );
  refused(
    ["manifest", "list"],
    'Unknown command "manifest list". Known are show, verify. See tool manifest --help',
  );
  refused(
    ["manifest", "shwo"],
    'Unknown command "manifest shwo". Did you mean show? See tool manifest --help',
  );
  refused(
    ["toString"],
    'Unknown command "toString". Known are serve, manifest, completions. See tool --help',
  );
  refused(
    [],
    'Missing command after "tool", one of serve, manifest, completions. See tool --help',
  );
  refused(
    ["manifest"],
    'Missing command after "tool manifest", one of show, verify. See tool manifest --help',
  );
});

Deno.test("parseCommandLine() names an option without its value", () => {
  for (
    const argv of [["--config"], ["--config", "--dry-run"], ["--config="], [
      "--config",
      "",
    ]]
  ) {
    refused(
      ["serve", ...argv],
      "Option --config needs a value: --config FILE. See tool serve --help",
    );
  }
  refused(
    ["serve", "--log-level"],
    "Option --log-level needs a value: --log-level debug|info. See tool serve --help",
  );
  refused(
    ["serve", "--dry-run=1"],
    "Option --dry-run takes no value. See tool serve --help",
  );
});

Deno.test("parseCommandLine() names an argument too many or too few", () => {
  refused(["serve", "dir"], 'Unexpected argument "dir". See tool serve --help');
  refused(
    ["serve", "--channel", "stable", "testing"],
    'Unexpected argument "testing". Repeat the option for each value: --channel stable --channel testing. See tool serve --help',
  );
  refused(
    ["manifest", "verify"],
    "Missing argument FILE. See tool manifest verify --help",
  );
  refused(
    ["completions"],
    "Missing argument bash|zsh. See tool completions --help",
  );
  refused(
    ["completions", "csh"],
    'Cannot use bash|zsh "csh": must be one of bash, zsh. See tool completions --help',
  );
});

Deno.test("parseCommandLine() prints no control characters", () => {
  refused(
    ["serve", "\x1b[31m"],
    'Unexpected argument "?[31m". See tool serve --help',
  );
});

Deno.test("parseCommandLine() throws nothing but UsageError", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "serve",
      "manifest",
      "show",
      "verify",
      "--channel",
      "--dht",
      "--no-dht",
      "--",
      "-",
      "--p2p-port",
      "-1",
      "--timeout",
      "=",
      "--config=",
    ),
    fc.string(),
    fc.string().map((text) => `--${text}`),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        parse(...argv);
      } catch (error) {
        assert(error instanceof UsageError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
