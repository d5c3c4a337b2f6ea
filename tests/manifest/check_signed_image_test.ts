import assert from "node:assert/strict";
import { checkSignedImage } from "../../lib/manifest/check_signed_image.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import { trustKeys } from "../../lib/manifest/trusted_keys.ts";
import type { HashedImage } from "../../lib/scan/image_files.ts";
import { hashedArtifact, hashedImage } from "../support/hashed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const [alice, bob] = await Promise.all([testSigningKey(1), testSigningKey(2)]);
const files = hashedImage({
  initramfs: hashedArtifact("initramfs.img"),
  dtbs: [hashedArtifact("a.dtb")],
});

async function sign(image: HashedImage, signers = [alice]) {
  const options = { image, signers, now: NOW, expiresDays: 30 };
  return (await issueManifest(options)).bytes;
}
const bytes = await sign(files);

async function refusalFor(
  manifest: Uint8Array<ArrayBuffer>,
  image: HashedImage,
) {
  const result = await checkSignedImage(manifest, image);
  assert.ok(!result.ok);
  return result.reason;
}

Deno.test("checkSignedImage() gives the very bytes, and the files by role", async () => {
  const result = await checkSignedImage(bytes, files);
  assert.ok(result.ok);
  const { artifacts, signedBy, sha256 } = result.value;
  assert.equal(result.value.bytes, bytes);
  assert.deepEqual([...artifacts], [
    ["kernel", files.kernel],
    ["initramfs", files.initramfs],
    ["a.dtb", files.dtbs[0]],
  ]);
  assert.deepEqual(signedBy, [alice.publicKey.keyId]);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  assert.equal(sha256, new Uint8Array(digest).toHex());
});

Deno.test("checkSignedImage() serves only the files that are promised", async () => {
  const more = hashedImage({ ...files, rootfs: hashedArtifact("rootfs.img") });
  const result = await checkSignedImage(bytes, more);
  assert.ok(result.ok);
  assert.ok(!result.value.artifacts.has("rootfs"));
});

Deno.test("checkSignedImage() names the file that differs", async () => {
  const flipped = hashedArtifact("vmlinuz", { content: "vmlinuZ" });
  assert.deepEqual(await refusalFor(bytes, { ...files, kernel: flipped }), {
    code: "artifact_differs",
    message: "vmlinuz does not have the promised SHA-256",
  });
  const longer = hashedArtifact("vmlinuz", { content: "vmlinuz+" });
  assert.deepEqual(await refusalFor(bytes, { ...files, kernel: longer }), {
    code: "artifact_differs",
    message: "vmlinuz has 8 bytes, not 7 as promised",
  });
  assert.deepEqual(await refusalFor(bytes, { ...files, dtbs: [] }), {
    code: "artifact_differs",
    message: "a.dtb is missing",
  });
});

Deno.test("checkSignedImage() refuses a manifest of another image", async () => {
  const elsewhere = (channel: string, arch: string) =>
    refusalFor(bytes, { ...files, image: { channel, arch } });
  assert.equal((await elsewhere("testing", "arm64")).code, "wrong_channel");
  assert.equal((await elsewhere("stable", "x86_64")).code, "wrong_arch");
});

Deno.test("checkSignedImage() refuses what nobody signed", async () => {
  const unsigned = await sign(files, []);
  assert.equal((await refusalFor(unsigned, files)).code, "unsigned");
  const text = new TextDecoder().decode(unsigned).replace(
    '"signatures":[]',
    '"signatures":[{"keyid":"rot13:k","sig":"AQID"}]',
  );
  const unknown = new TextEncoder().encode(text);
  assert.equal((await refusalFor(unknown, files)).code, "unknown_key");
});

Deno.test("checkSignedImage() finds each flipped byte of a signature", async () => {
  const both = await sign(files, [alice, bob]);
  const text = new TextDecoder().decode(both);
  for (const { index } of text.matchAll(/"sig":"/g)) {
    const broken = both.slice();
    const at = index + '"sig":"'.length;
    broken[at] = broken[at] === 0x41 ? 0x42 : 0x41;
    assert.equal((await refusalFor(broken, files)).code, "bad_signature");
  }
});

Deno.test("checkSignedImage() asks for the trusted keys, where there are any", async () => {
  for (const [key, accepted] of [[alice, true], [bob, false]] as const) {
    const keys = trustKeys([key.publicKey], 1);
    assert.ok(keys.ok);
    const result = await checkSignedImage(bytes, files, keys.value);
    assert.equal(result.ok, accepted);
  }
});

Deno.test("checkSignedImage() covers every file by its path", async () => {
  const image = hashedImage({
    initramfs: hashedArtifact("initrd.img"),
    files: [hashedArtifact("a/b.bin"), hashedArtifact("ucode.img")],
    initrds: ["ucode.img", "initrd.img"],
  });
  const signed = await sign(image);
  const result = await checkSignedImage(signed, image);
  assert.ok(result.ok);
  assert.deepEqual([...result.value.artifacts.keys()], [
    "kernel",
    "initramfs",
    "a/b.bin",
    "ucode.img",
  ]);
  assert.deepEqual(result.value.manifest.initrds, ["ucode.img", "initrd.img"]);
  const [, ucode] = image.files;
  assert.ok(ucode);
  const changed = hashedArtifact("a/b.bin", { content: "A/b.bin" });
  assert.deepEqual(
    await refusalFor(signed, { ...image, files: [changed, ucode] }),
    {
      code: "artifact_differs",
      message: "a/b.bin does not have the promised SHA-256",
    },
  );
});

Deno.test("checkSignedImage() refuses other pieces than promised, where it can tell", async () => {
  const withPieces = (sha256: string) =>
    hashedImage({
      kernel: {
        ...hashedArtifact("vmlinuz"),
        pieces: { list: new Uint8Array(32), sha256 },
      },
    });
  const image = withPieces("a1".repeat(32));
  const signed = await sign(image);
  assert.ok((await checkSignedImage(signed, image)).ok);
  assert.equal(
    (await refusalFor(signed, withPieces("b2".repeat(32)))).message,
    "vmlinuz does not have the promised pieces",
  );
  // One who makes no list verifies the whole.
  assert.ok((await checkSignedImage(signed, hashedImage())).ok);
  assert.ok((await checkSignedImage(await sign(hashedImage()), image)).ok);
});
