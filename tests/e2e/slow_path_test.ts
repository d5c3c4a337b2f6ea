/**
 * Manifests that come late, and clocks that are wrong: the program as its
 * users run it, on loopback, under channel names of this test.
 */
import assert from "node:assert/strict";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import { hashedImage } from "../support/hashed_image.ts";
import {
  advertiseOnLan,
  type LanServer,
  openLanServer,
} from "../support/lan_server.ts";
import { type Ended, run } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const DAY_MS = 86_400_000;
const owner = await testSigningKey(1);

/** Advertises an image made at a time, whose manifest takes a while to come. */
async function offer(
  channel: string,
  { createdMs = Date.now(), delayMs = 0, name = channel } = {},
): Promise<{ image: ChannelArch; server: LanServer }> {
  const image = { channel: `${channel}-${Deno.pid}`, arch: "arm64" };
  const { bytes } = await issueManifest({
    image: hashedImage({ image }),
    signers: [owner],
    now: createdMs,
    expiresDays: 30,
  });
  const server = await openLanServer({
    name,
    image,
    handler: async () => {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      return new Response(bytes);
    },
  });
  return { image, server };
}

function find({ channel, arch }: ChannelArch, ...more: string[]) {
  return run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--channel", channel],
    ...["--arch", arch, "--key", owner.publicKey.keyId, ...more],
  ]);
}

Deno.test("phase_discover boots over a path with 1.6 s each way, where nobody else is left to ask", async () => {
  // 3.2 s to connect, and as long for the question and its answer.
  const { image, server } = await offer("far", { delayMs: 6400 });
  await using provider = server;
  const found = await find(image, "--timeout", "30");
  assert.equal(found.code, 0, found.stderr);
  assert.equal(found.stdout, `MANIFEST_URL=${provider.manifestUrl}\n`);
});

Deno.test("phase_discover does not wait for a slow provider where another is quick", async () => {
  const { image, server } = await offer("both");
  await using near = server;
  // Takes connections, and never says a word.
  using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using _far = await advertiseOnLan("far", image, mute.addr.port);
  const found = await find(image, "--timeout", "30", "--explain");
  assert.equal(found.stdout, `MANIFEST_URL=${near.manifestUrl}\n`);
  assert.ok(found.elapsedMs < 15_000, `${found.elapsedMs} ms`);
});

async function findMade(channel: string, atMs: number): Promise<Ended> {
  const { image, server } = await offer(channel, { createdMs: atMs });
  await using _provider = server;
  return await find(image, "--timeout", "8");
}

Deno.test("phase_discover takes an image by a clock that is behind by less than a day, with a warning", async () => {
  const found = await findMade("ahead", Date.now() + 5 * 3_600_000);
  assert.equal(found.code, 0, found.stderr);
  assert.match(
    found.stderr,
    /^WARN The manifest was created at \S+Z, but this machine's clock says \S+Z: set the clock/m,
  );
});

for (
  const [what, channel, offsetMs, says] of [
    ["made more than a day later", "future", 25 * 3_600_000, "created at"],
    ["that has expired", "expired", -31 * DAY_MS, "expired at"],
  ] as const
) {
  Deno.test(`phase_discover refuses an image ${what}, and says what the clock shows`, async () => {
    const found = await findMade(channel, Date.now() + offsetMs);
    assert.equal(found.code, 4, found.stderr);
    assert.match(
      found.stderr,
      new RegExp(`${says} \\S+Z, this machine's clock says \\d{4}-\\S+Z`),
    );
  });
}

Deno.test("phase_discover --explain says who was asked on which link, who answered, who was chosen and why no other", async () => {
  const { image, server } = await offer("explain");
  await using newest = server;
  await using older = (await offer("explain", {
    name: "older",
    createdMs: Date.now() - DAY_MS,
  })).server;
  const found = await find(image, "--timeout", "20", "--explain");
  assert.equal(found.code, 0, found.stderr);
  assert.equal(found.stdout, `MANIFEST_URL=${newest.manifestUrl}\n`);
  const said = (pattern: string) =>
    assert.match(found.stderr, new RegExp(`^INFO ${pattern}`, "m"));
  said(
    `0\\.\\d{3} s: mdns lo 127\\.0\\.0\\.1: asked everybody for _${image.channel}-arm64\\._sub\\.`,
  );
  said("\\d\\.\\d{3} s: mdns lo 127\\.0\\.0\\.1: 127\\.0\\.0\\.1 answers with");
  for (const { manifestUrl } of [newest, older]) {
    said(`\\d\\.\\d{3} s: mdns: heard of ${manifestUrl}`);
    said(`\\d\\.\\d{3} s: asking for ${manifestUrl}`);
  }
  said(
    `Chosen ${newest.manifestUrl}: by mdns, manifest_version \\d+, verified`,
  );
  said(
    `Not chosen ${older.manifestUrl}: (manifest_version \\d+ is older|its manifest had not)`,
  );
});
