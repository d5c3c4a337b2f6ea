import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { run, temporaryDirectory } from "../support/programs.ts";

/** The specification's file with other paths. */
function specification(root: string, key = "channels"): string {
  return `[provider]
# Channels to advertise
${key} = ["stable", "testing"]

# Architectures to advertise
architectures = ["arm64", "x86_64"]

# Channel-specific settings
[provider.channels.stable]
artifacts_dir = "${root}/a"

[provider.channels.testing]
artifacts_dir = "${root}/b"
`;
}

Deno.test("plasmd serve uses the directories of the specification's config file", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await makeFiles(root, {
    "a/arm64/vmlinuz": 1000,
    "b/x86_64/vmlinuz": 1000,
    "plasmd.toml": specification(root),
  });
  const config = ["--config", join(root, "plasmd.toml")];
  const { code, stderr } = await run("plasmd", [
    ...["serve", "--dry-run", ...config],
  ]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stderr.trim().split("\n"), [
    "INFO Found 2 channel/arch combinations",
    "INFO Would advertise stable/arm64",
    "INFO Would advertise testing/x86_64",
    "WARN Missing artifacts for stable/x86_64",
    "WARN Missing artifacts for testing/arm64",
  ]);
  const unheard = await run("plasmd", [
    ...["serve", "--dry-run", "--no-mdns", "--no-dht", ...config],
  ]);
  assert.equal(unheard.code, 0, unheard.stderr);
  assert.deepEqual(unheard.stderr.trim().split("\n"), [
    "INFO Found 2 channel/arch combinations",
    "INFO Would serve stable/arm64",
    "INFO Would serve testing/x86_64",
    "WARN Missing artifacts for stable/x86_64",
    "WARN Missing artifacts for testing/arm64",
    "WARN Nobody could discover it: mDNS and DHT are off",
  ]);
  const scan = await run("plasmd", ["scan", "--json", ...config]);
  assert.equal(scan.code, 0);
  assert.equal(JSON.parse(scan.stdout).available.length, 2);
});

Deno.test("plasmd serve refuses a misspelt key with its line and the right one", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await makeFiles(root, { "bad.toml": specification(root, "chanels") });
  const { code, stderr } = await run("plasmd", [
    ...["serve", "--config", join(root, "bad.toml")],
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /bad\.toml" line 3 .*"chanels".*"channels"/);
});
