import assert from "node:assert/strict";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import { flagsLayer } from "../../lib/config/flags_layer.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import {
  DEFAULT_CONFIG,
  mergeConfig,
} from "../../lib/config/provider_config.ts";
import { PEER } from "../support/program_help.ts";

/** The configuration of a `plasmd serve` line without a file. */
function configOf(...argv: string[]) {
  const invocation = parseCommandLine(["serve", ...argv], PLASMD_PROGRAM);
  assert(invocation.kind === "run" && invocation.command === "serve");
  return mergeConfig(DEFAULT_CONFIG, {}, flagsLayer(invocation.values));
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

Deno.test("flagsLayer() leaves to the file what is not given, and lets --no-x and --x win over it", () => {
  const file = { dht: { enabled: false, portMapping: true }, port: 1 };
  const merged = (flags: Parameters<typeof flagsLayer>[0]) =>
    mergeConfig(DEFAULT_CONFIG, file, flagsLayer(flags));
  const untouched = merged({ portMapping: false, interface: [], channel: [] });
  assert.deepEqual(untouched, mergeConfig(DEFAULT_CONFIG, file, {}));
  const overruled = merged({ dht: true, mdns: false, port: 0 });
  assert.deepEqual(
    [overruled.dht.enabled, overruled.mdns.enabled, overruled.port],
    [true, false, 0],
  );
});
