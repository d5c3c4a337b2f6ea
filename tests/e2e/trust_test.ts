import assert from "node:assert/strict";
import { join } from "node:path";
import { formatChannelArch } from "../../lib/core/channel_arch.ts";
import {
  goodManifest,
  openHostileProviders,
  type Scene,
} from "../support/hostile_providers.ts";
import { openLanServer } from "../support/lan_server.ts";
import { run, temporaryDirectory } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const [owner, stranger] = await Promise.all([
  testSigningKey(11),
  testSigningKey(12),
]);

/** Other tests share the loopback's multicast: a channel of our own. */
function scene(channel: string): Scene {
  const now = Date.now();
  return {
    image: { channel: `${channel}-${Deno.pid}`, arch: "arm64" },
    owner,
    stranger,
    manifestVersion: Math.floor(now / 1000),
    now,
  };
}

/** A state file that knows the newest manifest of the scene. */
async function writeState(
  directory: string,
  { image, manifestVersion }: Scene,
): Promise<string> {
  const path = join(directory, "state.json");
  await Deno.writeTextFile(
    path,
    JSON.stringify({
      manifest_versions: { [formatChannelArch(image)]: manifestVersion },
    }),
  );
  return path;
}

function clientArguments({ image }: Scene): string[] {
  return [
    ...["--interface", "lo", "--mode", "lan"],
    ...["--channel", image.channel, "--arch", image.arch],
  ];
}

/** What is promised, and what a busy machine may add to it. */
const PROMISED_MS = 1000;
const BUSY_MACHINE_MS = 3000;

Deno.test("phase_discover finds the one good provider among twelve hostile ones", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const ours = scene("good");
  const state = await writeState(path, ours);
  const good = await goodManifest(ours);
  await using _hostile = await openHostileProviders(ours);
  let answeredMs = 0;
  await using honest = await openLanServer({
    name: "honest",
    image: ours.image,
    async handler() {
      // Every lie but the dripping one is told by then.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      answeredMs = performance.now();
      return new Response(good);
    },
  });

  const found = await run("phase_discover", [
    ...clientArguments(ours),
    ...["--key", owner.publicKey.keyId, "--state", state, "--timeout", "10"],
  ]);

  const lateMs = performance.now() - answeredMs;
  assert.equal(found.code, 0, found.stderr);
  assert.equal(found.stdout, `MANIFEST_URL=${honest.manifestUrl}\n`);
  assert.ok(
    lateMs < PROMISED_MS + BUSY_MACHINE_MS,
    `ended ${lateMs} ms after the good answer`,
  );
});

Deno.test("phase_discover gives each of twelve hostile providers its reason, and takes none", async () => {
  await using directory = await temporaryDirectory();
  const ours = scene("bad");
  const state = await writeState(directory.path, ours);
  await using hostile = await openHostileProviders(ours);
  assert.equal(hostile.byReason.size, 12);

  const { code, stdout, stderr } = await run("phase_discover", [
    ...clientArguments(ours),
    ...["--key", owner.publicKey.keyId, "--state", state, "--timeout", "5"],
    ...["--format", "json"],
  ]);

  assert.equal(code, 4, stderr);
  const refused: { manifest_url: string; reason: string }[] =
    JSON.parse(stdout).refused;
  const byUrl = (a: string[], b: string[]) => String(a) < String(b) ? -1 : 1;
  assert.deepEqual(
    refused.map(({ manifest_url, reason }) => [manifest_url, reason])
      .sort(byUrl),
    [...hostile.byReason].map(([reason, { manifestUrl }]) => [
      manifestUrl,
      reason,
    ]).sort(byUrl),
  );
});

Deno.test("phase_discover without a key says NOT VERIFIED, and names nobody who verified it", async () => {
  const ours = scene("anybody");
  const bytes = await goodManifest(ours);
  await using _provider = await openLanServer({
    name: "anybody",
    image: ours.image,
    handler: () => new Response(bytes),
  });
  const { code, stdout, stderr } = await run("phase_discover", [
    ...clientArguments(ours),
    ...["--timeout", "5", "--format", "json"],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^WARN NOT VERIFIED: .*--key or --trust$/m);
  assert.deepEqual(JSON.parse(stdout).verified_by, []);
});
