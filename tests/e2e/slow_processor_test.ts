import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import { programCommand } from "../support/shipped_programs.ts";
import { compareModes, throttleObstacle } from "../support/throttled.ts";

/** Other tests share the loopback's multicast: a channel of our own. */
const CHANNEL = `slow-processor-${Deno.pid}`;
const LIMIT = 1.3;

const obstacle = throttleObstacle();
const name =
  "on a slow processor --mode auto is as quick as --mode lan where the LAN has the image";

Deno.test({
  name: obstacle === undefined ? name : `${name} (skipped: ${obstacle})`,
  ignore: obstacle !== undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, {
      [`artifacts/${CHANNEL}/arm64/vmlinuz`]: 1000,
    });
    const key = join(path, "signing.pem");
    await run("plasmd", ["key", "generate", "--out", key]);
    const shown = await run("plasmd", [
      ...["key", "show", "--signing-key", key, "--format", "hex"],
    ]);
    // With a DHT node, which the TXT record names: there is somebody to ask.
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", join(path, "artifacts")],
      ...["--channel", CHANNEL, "--arch", "arm64", "--interface", "lo"],
      ...["--port", "0", "--p2p-port", "0", "--signing-key", key],
      ...["--state-dir", join(path, "state")],
    ]);
    await provider.line(/DHT node \S+/);
    await provider.line(new RegExp(`Advertising ${CHANNEL}/arm64`));

    const compared = await compareModes([
      ...programCommand("phase_discover"),
      ...["--interface", "lo", "--channel", CHANNEL, "--arch", "arm64"],
      ...["--key", shown.stdout.trim(), "--timeout", "60"],
    ], { rounds: 9, limit: LIMIT });

    assert.ok(compared.ratio <= LIMIT, JSON.stringify(compared));
  },
});
