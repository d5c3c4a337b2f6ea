import assert from "node:assert/strict";
import { join } from "node:path";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import { encodeEnvelope, openEnvelope } from "../../lib/manifest/envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { openLanServer } from "../support/lan_server.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import {
  makeSignedImage,
  runWell,
  writeKeys,
} from "../support/signed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const keys: Record<string, SigningKey> = Object.fromEntries(
  await Promise.all(
    [1, 2, 3, 4, 5].map(async (number) =>
      [`key${number}.pem`, await testSigningKey(30 + number)] as const
    ),
  ),
);

/** Other tests share the loopback's multicast: channels of our own. */
function imageOf(channel: string): ChannelArch {
  return { channel: `${channel}-${Deno.pid}`, arch: "arm64" };
}

/** Which keys each document names, how many must sign, and who signed it. */
const SUCCESSION = [
  { names: [1], threshold: 1, signers: [] },
  { names: [2, 3], threshold: 2, signers: [1, 2, 3] },
  { names: [2, 3, 4], threshold: 2, signers: [2, 3, 4] },
  { names: [4, 5], threshold: 2, signers: [3, 4, 5] },
] as const;

/** Writes v1 as a trust file, and signs v2 to v4 for the provider. */
async function makeSuccession(root: string): Promise<void> {
  await writeKeys(root, keys);
  await Deno.mkdir(join(root, "state/trust"), { recursive: true });
  for (const [index, { names, threshold, signers }] of SUCCESSION.entries()) {
    const path = await writeTrustFile(root, `v${index + 1}.toml`, [
      `trust_version = ${index + 1}`,
      `threshold = ${threshold}`,
      `keys = ${JSON.stringify(names.map(keyId))}`,
    ]);
    if (signers.length === 0) continue;
    await runWell([
      ...["trust", "sign", path],
      ...["--out", join(root, `state/trust/${index + 1}.json`)],
      ...signers.flatMap((n) => ["--key", join(root, `key${n}.pem`)]),
    ]);
  }
}

async function writeTrustFile(
  root: string,
  name: string,
  lines: readonly string[],
): Promise<string> {
  const path = join(root, name);
  await Deno.writeTextFile(path, `${lines.join("\n")}\n`);
  return path;
}

function keyOf(number: number): SigningKey {
  const key = keys[`key${number}.pem`];
  assert.ok(key !== undefined);
  return key;
}

function keyId(number: number): string {
  return keyOf(number).publicKey.keyId;
}

function discover({ channel, arch }: ChannelArch, ...more: string[]) {
  return run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--format", "json"],
    ...["--channel", channel, "--arch", arch, ...more],
  ]);
}

Deno.test("a client pinned at v1 follows three rotations to v4, and remembers it", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const image = imageOf("rotated");
  await makeSuccession(root);
  const manifest = await makeSignedImage(root, image, [
    join(root, "key4.pem"),
    join(root, "key5.pem"),
  ]);
  const shipped = ["--trust", join(root, "v1.toml")];
  const state = ["--state", join(root, "client/state.json")];
  {
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", join(root, "artifacts")],
      ...["--channel", image.channel, "--arch", image.arch, "--no-dht"],
      ...["--interface", "lo", "--port", "0"],
      ...["--state-dir", join(root, "state")],
    ]);
    await provider.line(/INFO Advertising /);
    assert.deepEqual(
      provider.lines().filter((line) => line.startsWith("WARN")),
      [],
    );

    const expired = await writeTrustFile(root, "expired.toml", [
      'expires_at = "2020-01-01T00:00:00Z"',
      `keys = ["${keyId(1)}"]`,
    ]);
    const [reached, updated] = await Promise.all([
      discover(image, ...shipped, ...state),
      discover(image, "--trust", expired),
    ]);
    for (const { code, stdout, stderr } of [reached, updated]) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(
        JSON.parse(stdout).verified_by,
        [keyId(4), keyId(5)].sort(),
      );
    }
  }

  // The same image from somebody who hands on no trust documents.
  const bytes = await Deno.readFile(manifest);
  await using _bare = await openLanServer({
    name: "bare",
    image,
    handler: ({ url }) =>
      url.endsWith("/manifest.json")
        ? new Response(bytes)
        : new Response(null, { status: 404 }),
  });
  const [remembered, forgot] = await Promise.all([
    discover(image, ...shipped, ...state),
    discover(image, ...shipped, "--timeout", "2"),
  ]);
  assert.equal(remembered.code, 0, remembered.stderr);
  assert.equal(forgot.code, 4, "v1 alone does not vouch for this image");
  assert.equal(JSON.parse(forgot.stdout).refused[0].reason, "unknown_key");
});

Deno.test("two signatures by one key are not two of three, in an image and in a trust document", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const image = imageOf("repeated");
  await writeKeys(root, keys);
  const manifest = await makeSignedImage(root, image, [join(root, "key1.pem")]);
  const once = await Deno.readFile(manifest);
  const trust = await writeTrustFile(root, "v1.toml", [
    "threshold = 2",
    `keys = ${JSON.stringify([1, 2, 3].map(keyId))}`,
  ]);
  const next = await writeTrustFile(root, "v2.toml", [
    "trust_version = 2",
    `keys = ["${keyId(1)}"]`,
  ]);
  await runWell([
    ...["trust", "sign", next, "--key", join(root, "key1.pem")],
    ...["--out", join(root, "2.json")],
  ]);
  const documents = new Map([
    [2, withEverySignatureTwice(await Deno.readFile(join(root, "2.json")))],
  ]);
  const serve = (name: string, bytes: Uint8Array<ArrayBuffer>) =>
    openLanServer({
      name,
      image,
      handler({ url }) {
        const number = /\/trust\/(\d+)\.json$/.exec(url)?.[1];
        if (number === undefined) return new Response(bytes);
        const document = documents.get(Number(number));
        return new Response(document ?? null, {
          status: document === undefined ? 404 : 200,
        });
      },
    });
  await using _once = await serve("once", once);
  await using _twice = await serve("twice", withEverySignatureTwice(once));

  const { code, stdout, stderr } = await discover(
    image,
    ...["--trust", trust, "--timeout", "2"],
  );

  assert.equal(code, 4, stderr);
  const refused: { reason: string }[] = JSON.parse(stdout).refused;
  assert.deepEqual(
    refused.map(({ reason }) => reason).sort(),
    // Had the document been believed, one signature would be enough.
    ["below_threshold", "duplicate_keyid"],
  );
});

function withEverySignatureTwice(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const envelope = openEnvelope(bytes);
  assert.ok(envelope.ok);
  const { content, signatures } = envelope.value;
  return encodeEnvelope(content, [...signatures, ...signatures]);
}

/** As long as a manifest would be waited for, and more. */
async function silence(): Promise<Response> {
  await new Promise((resolve) => setTimeout(resolve, 4000));
  return new Response(null, { status: 404 });
}

Deno.test("a trust document that is not followed is named by --explain, and one that never comes costs no seconds", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const image = imageOf("unfollowed");
  await writeKeys(root, keys);
  const manifest = await makeSignedImage(root, image, [join(root, "key1.pem")]);
  const bytes = await Deno.readFile(manifest);
  const trust = await writeTrustFile(root, "v1.toml", [
    `keys = ["${keyId(1)}"]`,
  ]);
  const next = trustRoot([keyOf(2)], { trust_version: 2 });
  const unheld = await sealTrustRoot(next, [keyOf(1)]);
  const cases = [
    [() => new Response(unheld), /: signed by 0 of .* \(below_threshold\)$/m],
    [silence, /: no answer, .* \(slow\)$/m],
  ] as const;
  for (const [answer, says] of cases) {
    await using _provider = await openLanServer({
      name: "unfollowed",
      image,
      handler: ({ url }) =>
        url.includes("/trust/") ? answer() : new Response(bytes),
    });
    const found = await discover(image, "--trust", trust, "--explain");
    assert.equal(found.code, 0, found.stderr);
    assert.match(found.stderr, /INFO Trust document 2 of .* is not followed/);
    assert.match(found.stderr, says);
    assert.ok(found.elapsedMs < 2500, `${found.elapsedMs} ms`);
  }
});
