import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type ChannelArch,
  formatChannelArch,
  manifestPath,
} from "../../lib/core/channel_arch.ts";
import { makeFiles } from "../support/image_tree.ts";
import { openLanServer } from "../support/lan_server.ts";
import { hasOpenssl, openssl } from "../support/openssl.ts";
import {
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import {
  flipBit,
  makeSignedImage,
  runWell,
  withFlippedBit,
  writeKeys,
} from "../support/signed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const owner = await testSigningKey(21);

/** Other tests share the loopback's multicast: channels of our own. */
function imageOf(channel: string): ChannelArch {
  return { channel: `${channel}-${Deno.pid}`, arch: "arm64" };
}

function serveArguments(root: string, { channel, arch }: ChannelArch) {
  return [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", channel, "--arch", arch, "--state-dir"],
    ...[join(root, "state"), "--interface", "lo", "--port", "0", "--no-dht"],
  ];
}

function serve(
  root: string,
  image: ChannelArch,
  ...more: string[]
): RunningProgram {
  return start("plasmd", [...serveArguments(root, image), ...more]);
}

function discover({ channel, arch }: ChannelArch, ...more: string[]) {
  return run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--channel", channel],
    ...["--arch", arch, "--key", owner.publicKey.keyId],
    ...["--format", "json", ...more],
  ]);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("a mirror without a key serves what its owner signed, and nothing that differs from it", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const image = imageOf("mirrored");
  const name = formatChannelArch(image);
  const keyPath = join(root, "owner.pem");
  await writeKeys(root, { "owner.pem": owner });
  const path = await makeSignedImage(root, image, [keyPath]);
  const signed = await Deno.readFile(path);
  // Signing is done elsewhere: the mirror has no private key at all.
  await Deno.remove(keyPath);

  await using mirror = serve(root, image);
  const [, url] = await mirror.line(/Serving on (\S+)/);
  await mirror.line(new RegExp(`INFO Advertising ${name}\n`));

  const found = await discover(image, "--timeout", "10");
  assert.equal(found.code, 0, found.stderr);
  const { manifest_url, verified_by } = JSON.parse(found.stdout);
  assert.equal(manifest_url, `${url}${manifestPath(image)}`);
  assert.deepEqual(verified_by, [owner.publicKey.keyId]);
  const served = await (await fetch(manifest_url)).bytes();
  assert.deepEqual(served, signed);

  await flipBit(join(root, "artifacts", name, "vmlinuz"));
  await mirror.line(
    new RegExp(
      `WARN Cannot offer the new ${name}, keeping the previous one: .*: vmlinuz does not have the promised SHA-256`,
    ),
  );
  const changed = await fetch(new URL(`/${name}/vmlinuz`, manifest_url));
  await changed.body?.cancel();
  assert.equal(changed.status, 503, "its bytes are not what was signed");
  // In case the rest of a new set is to come: for half a minute.
  await new Promise((resolve) => setTimeout(resolve, 25_000));
  await mirror.line(new RegExp(`INFO Withdrew ${name}\n`));
  const gone = await fetch(manifest_url);
  await gone.body?.cancel();
  assert.equal(gone.status, 404);
  const lost = await discover(image, "--timeout", "1");
  assert.equal(lost.code, 3, lost.stdout);
  assert.ok(!await exists(join(root, "state/signing.key")));
});

Deno.test("phase_discover refuses a signed manifest with one bit turned on the wire", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const image = imageOf("altered");
  await writeKeys(root, { "owner.pem": owner });
  const path = await makeSignedImage(root, image, [join(root, "owner.pem")]);
  const signed = await Deno.readFile(path);
  const text = new TextDecoder().decode(signed);
  const after = (place: string) => text.indexOf(place) + place.length;
  const sig = /"sig":"([^"]+)"/.exec(text)?.[1] ?? "";
  const otherSig = withFlippedBit(Uint8Array.fromBase64(sig), 0).toBase64();
  // In what is read, in the signature, and in what is signed.
  const alterations = [
    withFlippedBit(signed, after('"hash":"sha256:')),
    // Of its bytes: a bit of its text might be no base64 any more.
    new TextEncoder().encode(text.replace(sig, otherSig)),
    withFlippedBit(signed, after('"data":"')),
  ];
  await using stack = new AsyncDisposableStack();
  for (const [index, altered] of alterations.entries()) {
    assert.notDeepEqual(altered, signed);
    stack.use(
      await openLanServer({
        name: `altered${index}`,
        image,
        handler: () => new Response(altered),
      }),
    );
  }

  const { code, stdout, stderr } = await discover(image, "--timeout", "2");

  assert.equal(code, 4, stderr);
  const refused: { reason: string }[] = JSON.parse(stdout).refused;
  assert.deepEqual(refused.map(({ reason }) => reason).sort(), [
    "bad_signature",
    "malformed",
    "outer_differs",
  ]);
});

Deno.test("plasmd serve never serves unsigned: without a key it says what to do, and ends", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const image = imageOf("keyless");
  await makeFiles(root, {
    [`artifacts/${formatChannelArch(image)}/vmlinuz`]: 1000,
    "state/signing.key": await owner.toPem(),
  });
  await Deno.chmod(join(root, "state/signing.key"), 0o644);
  // Should it serve all the same, it would never end.
  const serveAtMost60s = (...more: string[]) =>
    run("plasmd", [...serveArguments(root, image), ...more], {
      prefix: ["timeout", "60"],
    });

  // One after the other: a state directory serves one provider at a time.
  const readable = await serveAtMost60s();
  const missing = await serveAtMost60s(
    ...["--signing-key", join(root, "none.pem")],
  );

  assert.equal(readable.code, 2, readable.stderr);
  assert.match(
    readable.stderr,
    /^ERROR Cannot use signing key ".*signing\.key": others than its owner may read it; run: chmod 600 ".*signing\.key"$/m,
  );
  assert.equal(missing.code, 2, missing.stderr);
  assert.match(
    missing.stderr,
    /^ERROR Cannot use signing key ".*none\.pem": there is no such file; make one with: plasmd key generate --out ".*none\.pem"$/m,
  );
  for (const { stderr } of [readable, missing]) {
    assert.doesNotMatch(stderr, /Advertising/);
  }
  assert.ok(!await exists(join(root, "none.pem")));
});

Deno.test("plasmd serve with an unusable key still serves what is signed, and nothing else", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const signed = imageOf("signed");
  const unsigned = imageOf("unsigned");
  await writeKeys(root, { "owner.pem": owner });
  await makeSignedImage(root, signed, [join(root, "owner.pem")]);
  await makeFiles(root, {
    [`artifacts/${formatChannelArch(unsigned)}/vmlinuz`]: 1000,
    "state/signing.key": await owner.toPem(),
  });
  await Deno.chmod(join(root, "state/signing.key"), 0o644);

  await using provider = serve(root, signed, "--channel", unsigned.channel);
  const [, url] = await provider.line(/Serving on (\S+)/);
  await provider.line(
    new RegExp(`INFO Advertising ${formatChannelArch(signed)}\n`),
  );

  assert.match(
    provider.lines().join("\n"),
    new RegExp(
      `WARN Cannot offer ${formatChannelArch(unsigned)}: .*chmod 600`,
    ),
  );
  const statuses = [signed, unsigned].map(async (image) => {
    const answer = await fetch(`${url}${manifestPath(image)}`);
    await answer.body?.cancel();
    return answer.status;
  });
  assert.deepEqual(await Promise.all(statuses), [200, 404]);
});

Deno.test({
  name: `the signature of a served manifest verifies with openssl${
    hasOpenssl ? "" : " (skipped: no openssl 3)"
  }`,
  ignore: !hasOpenssl,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const image = imageOf("openssl");
    await makeFiles(root, {
      [`artifacts/${formatChannelArch(image)}/vmlinuz`]: 1000,
    });
    await using provider = serve(root, image, "--no-mdns");
    const [, url] = await provider.line(/Serving on (\S+)/);
    await provider.line(/WARN Serving .* nobody can discover it/);
    const response = await fetch(`${url}${manifestPath(image)}`);
    const { signed, signatures } = await response.json();

    const pem = await runWell([
      ...["key", "show", "--state-dir", join(root, "state")],
      ...["--format", "pem"],
    ]);
    const file = (name: string) => join(root, name);
    const data = Uint8Array.fromBase64(signed.data);
    const digest = await crypto.subtle.digest("SHA-256", data);
    await Deno.writeFile(file("digest"), new Uint8Array(digest));
    await Deno.writeFile(file("sig"), Uint8Array.fromBase64(signatures[0].sig));
    await Deno.writeTextFile(file("key.pem"), pem);
    const said = await openssl(
      ...["pkeyutl", "-verify", "-rawin", "-pubin"],
      ...["-inkey", file("key.pem"), "-in", file("digest")],
      ...["-sigfile", file("sig")],
    );
    assert.match(said, /Signature Verified Successfully/);
  },
});
