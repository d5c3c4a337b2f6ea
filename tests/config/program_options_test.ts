import assert from "node:assert/strict";
import { renderHelp } from "../../lib/config/command_help.ts";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import { flagsLayer } from "../../lib/config/flags_layer.ts";
import { type Program } from "../../lib/config/option_table.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import {
  DEFAULT_CONFIG,
  mergeConfig,
} from "../../lib/config/provider_config.ts";

const PEER = "12D3KooWGRUxZ5jZ2uGi5n1cDkQf7EJ1FkXb7mYq2wCkVvH4r9sT";

/** The configuration of a `plasmd serve` line without a file. */
function configOf(...argv: string[]) {
  const invocation = parseCommandLine(["serve", ...argv], PLASMD_PROGRAM);
  assert(invocation.kind === "run" && invocation.command === "serve");
  return mergeConfig(DEFAULT_CONFIG, {}, flagsLayer(invocation.values));
}

for (const program of [PLASMD_PROGRAM, DISCOVER_PROGRAM]) {
  Deno.test(`${program.name} --help, for each command`, async (t) => {
    const { commands, groups = {} }: Program = program;
    const names = new Set([
      "",
      ...Object.keys(groups),
      ...Object.keys(commands),
    ]);
    for (const name of names) {
      await t.step(`${program.name} ${name}`, async (t) => {
        await t.assertSnapshot(renderHelp(program, name));
      });
    }
  });

  Deno.test(`${program.name} takes the examples of its help`, () => {
    const { commands }: Program = program;
    for (const { examples = [] } of Object.values(commands)) {
      for (const example of examples) {
        const argv = example.replace("12D3KooW...", PEER)
          .replace(/^source <\((.*)\)$/, "$1").split(" ").slice(1);
        const invocation = parseCommandLine(argv, program);
        assert.equal(invocation.kind, "run", example);
      }
    }
  });
}

Deno.test("plasmd serve without flags says nothing about the configuration", () => {
  assert.deepEqual(configOf(), DEFAULT_CONFIG);
});

Deno.test("plasmd serve puts every flag where it belongs", () => {
  const config = configOf(
    ...["--artifacts", "images", "--channel", "beta", "--channel", "beta"],
    ...["--arch", "aarch64", "--arch", "arm64", "--bind", "::1", "--port", "0"],
    ...["--interface", "lo", "--advertise-url", "http://a/", "--name", "rack"],
    ...["--state-dir", "state", "--signing-key", "key.pem", "--p2p-port", "0"],
    ...[
      "--bootstrap",
      `/ip4/127.0.0.1/tcp/1/p2p/${PEER}`,
      "--no-dht",
      "--no-mdns",
    ],
  );
  assert.deepEqual(config, {
    ...DEFAULT_CONFIG,
    artifactsDir: "images",
    channels: ["beta"],
    architectures: ["arm64"],
    bind: "::1",
    port: 0,
    interfaces: ["lo"],
    advertiseUrl: "http://a",
    name: "rack",
    stateDir: "state",
    dht: {
      ...DEFAULT_CONFIG.dht,
      enabled: false,
      port: 0,
      bootstrapNodes: [`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`],
    },
    mdns: { enabled: false },
    signing: { ...DEFAULT_CONFIG.signing, key: "key.pem" },
  });
});

for (
  const [argv, message] of [
    [
      ["--channel", "../etc"],
      'Cannot use --channel "../etc": not a channel name',
    ],
    [
      ["--bootstrap", "garbage"],
      'Cannot use --bootstrap "garbage": not a multiaddr',
    ],
    [
      ["--interface", "a/b"],
      'Cannot use --interface "a/b": not an interface name',
    ],
    [
      ["--port", "65536"],
      'Cannot use --port "65536": must be a whole number from 0 to 65535',
    ],
    [
      ["--advertise-url", "boot"],
      'Cannot use --advertise-url "boot": not a URL',
    ],
    [
      ["--artifact", "x"],
      'Unknown option "--artifact". Did you mean --artifacts?',
    ],
  ] as const
) {
  Deno.test(`plasmd serve refuses ${argv.join(" ")}`, () => {
    assert.throws(
      () => configOf(...argv),
      (error) =>
        error instanceof Error && error.name === "UsageError" &&
        error.message.startsWith(message) &&
        error.message.endsWith("See plasmd serve --help"),
    );
  });
}

Deno.test("phase_discover asks for stable within 30 s by default", () => {
  assert.deepEqual(parseCommandLine([], DISCOVER_PROGRAM), {
    kind: "run",
    command: "",
    values: {
      channel: "stable",
      arch: undefined,
      timeout: 30,
      mode: "auto",
      all: false,
      interface: [],
      bootstrap: [],
      key: [],
      threshold: 1,
      trust: undefined,
      state: undefined,
      format: "text",
      quiet: false,
      explain: false,
      logLevel: "info",
      logFormat: "text",
    },
  });
});
