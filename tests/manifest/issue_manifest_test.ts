import assert from "node:assert/strict";
import { UserError } from "../../lib/core/errors.ts";
import { isJsonObject } from "../../lib/manifest/canonical_json.ts";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import {
  type IssueOptions,
  promisesContentOf,
} from "../../lib/manifest/issue_manifest.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import { readEnvelope } from "../../lib/manifest/verify_envelope.ts";
import type { HashedImage } from "../../lib/scan/image_files.ts";
import {
  FULL,
  hashedArtifact,
  hashedImage,
  issue,
  NOW,
  signer,
} from "../support/hashed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const DAY_MS = 86_400_000;

const changedImage = hashedImage({
  kernel: hashedArtifact("vmlinuz", { content: "another kernel" }),
});

Deno.test("issueManifest() writes the manifest of the contract", async (t) => {
  const { bytes } = await issue({
    image: hashedImage({
      initramfs: hashedArtifact("initramfs.img"),
      rootfs: hashedArtifact("rootfs.squashfs"),
      dtbs: [hashedArtifact("a+b.dtb")],
      cmdline: "console=ttyS0",
      version: "6.12-lts",
    }),
  });
  await t.assertSnapshot(JSON.parse(new TextDecoder().decode(bytes)));
});

Deno.test("issueManifest() returns the SHA-256 of the bytes, and what they say", async () => {
  const { bytes, manifest, sha256 } = await issue();
  assert.deepEqual(readEnvelope(bytes), { ok: true, value: manifest });
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  assert.equal(sha256, new Uint8Array(digest).toHex());
});

Deno.test("issueManifest() numbers by the second and dates by the newest file", async () => {
  const { manifest } = await issue({
    image: hashedImage({
      kernel: hashedArtifact("vmlinuz", { modified: "2026-11-20T23:59:59Z" }),
      rootfs: hashedArtifact("rootfs.img", {
        modified: "2026-11-21T00:00:00Z",
      }),
    }),
  });
  assert.equal(manifest.manifestVersion, Date.UTC(2026, 10, 22, 12) / 1000);
  assert.equal(manifest.version, "2026.11.21");
  assert.equal(manifest.createdAtMs, Date.UTC(2026, 10, 22, 12));
  assert.equal(manifest.expiresAtMs, Date.UTC(2026, 11, 22, 12));
});

Deno.test("issueManifest() returns the very same bytes while nothing changes", async () => {
  const first = await issue();
  const again = await issue({
    previous: first.bytes,
    now: NOW + 14 * DAY_MS,
  });
  assert.deepEqual(again, { ...first, isNewVersion: false });
});

Deno.test("issueManifest() refreshes after half the life, keeping number and birth", async () => {
  const first = await issue();
  const later = NOW + 15 * DAY_MS;
  const { manifest } = await issue({ previous: first.bytes, now: later });
  assert.deepEqual(manifest, {
    ...first.manifest,
    expiresAtMs: first.manifest.expiresAtMs + 15 * DAY_MS,
  });
});

Deno.test("issueManifest() refreshes what has expired", async () => {
  const first = await issue();
  const later = NOW + 100 * DAY_MS;
  const { manifest } = await issue({ previous: first.bytes, now: later });
  assert.equal(manifest.manifestVersion, first.manifest.manifestVersion);
  assert.ok(manifest.expiresAtMs > later);
});

Deno.test("issueManifest() raises the number when any of the content changes", async () => {
  const first = await issue({ image: FULL });
  const other = (name: string) => hashedArtifact(name, { content: "another" });
  const { initramfs: _, initrds: __, ...withoutInitramfs } = FULL;
  const { rootfs: ___, ...withoutRootfs } = FULL;
  const { cmdline: ____, ...withoutCmdline } = FULL;
  const changes: Readonly<Record<string, HashedImage>> = {
    "kernel": { ...FULL, kernel: other("vmlinuz") },
    "kernel's name": {
      ...FULL,
      kernel: hashedArtifact("vmlinuz-6.12", { content: "vmlinuz" }),
    },
    "initramfs": { ...FULL, initramfs: other("initrd.img") },
    "no initramfs": { ...withoutInitramfs, initrds: [] },
    "rootfs": { ...FULL, rootfs: other("rootfs.img") },
    "no rootfs": withoutRootfs,
    "dtb": { ...FULL, dtbs: [other("a.dtb")] },
    "another dtb": {
      ...FULL,
      dtbs: [hashedArtifact("a.dtb"), hashedArtifact("b.dtb")],
    },
    "no dtbs": { ...FULL, dtbs: [] },
    "file": { ...FULL, files: [other("notes.txt"), ...FULL.files.slice(1)] },
    "another file": {
      ...FULL,
      files: [...FULL.files, hashedArtifact("z.txt")],
    },
    "no file": { ...FULL, files: FULL.files.slice(1) },
    "order of initrds": { ...FULL, initrds: FULL.initrds.toReversed() },
    "no initrds": { ...FULL, initrds: [] },
    "cmdline": { ...FULL, cmdline: "quiet splash" },
    "no cmdline": withoutCmdline,
    "version": { ...FULL, version: "2" },
  };
  for (const [what, image] of Object.entries(changes)) {
    const options = { image, previous: first.bytes, now: NOW + DAY_MS };
    const { manifest } = await issue(options);
    const { manifestVersion, createdAtMs } = first.manifest;
    assert.equal(manifest.manifestVersion, manifestVersion + 86_400, what);
    assert.equal(manifest.createdAtMs, createdAtMs + DAY_MS, what);
    assert.equal(promisesContentOf(first.bytes, image), false, what);
  }
});

Deno.test("issueManifest() keeps the number when all that changes is no content", async () => {
  const first = await issue({ image: FULL });
  const { manifestVersion } = first.manifest;
  const elsewhere: HashedImage = {
    ...FULL,
    directory: "/mnt/copy",
    kernel: hashedArtifact("vmlinuz", {
      directory: "/mnt/copy",
      modified: "2026-11-23T00:00:00Z",
    }),
    checksums: { filename: "SHA256SUMS", sha256ByPath: new Map() },
    manifestPath: "/mnt/copy/manifest.json",
  };
  const same: readonly Partial<IssueOptions>[] = [
    { image: FULL },
    { image: elsewhere },
    { image: FULL, expiresDays: 1 },
    { image: FULL, now: NOW + 20 * DAY_MS },
    { image: FULL, now: NOW - 20 * DAY_MS },
    { image: FULL, signers: [] },
    { image: FULL, signers: [await testSigningKey(2)] },
  ];
  for (const change of same) {
    const { manifest } = await issue({ ...change, previous: first.bytes });
    assert.equal(manifest.manifestVersion, manifestVersion);
  }
  assert.equal(promisesContentOf(first.bytes, elsewhere), true);
});

Deno.test("issueManifest() takes members that it does not write for content, too", async () => {
  const first = await issue({ image: FULL });
  const envelope = openEnvelope(first.bytes);
  assert.ok(envelope.ok);
  const { content } = envelope.value;
  const { artifacts } = content;
  assert.ok(isJsonObject(artifacts) && isJsonObject(artifacts.kernel));
  const kernel = { ...artifacts.kernel, further: { size: 1 } };
  for (
    const changed of [
      { ...content, further: "of a later version" },
      { ...content, artifacts: { ...artifacts, kernel } },
    ]
  ) {
    const previous = await sealEnvelope(changed, [signer]);
    assert.equal(promisesContentOf(previous, FULL), false);
    const { manifest } = await issue({ image: FULL, previous });
    assert.equal(
      manifest.manifestVersion,
      first.manifest.manifestVersion + 1,
    );
  }
});

Deno.test("issueManifest() returns the very same bytes after files were only touched or copied", async () => {
  const touched = (modified: string, content = "kernel") =>
    hashedImage({ kernel: hashedArtifact("vmlinuz", { modified, content }) });
  const first = await issue({ image: touched("2026-11-20T12:00:00Z") });
  const second = await issue({
    image: touched("2026-11-22T12:00:00Z"),
    previous: first.bytes,
  });
  assert.deepEqual(second.bytes, first.bytes);
  const third = await issue({
    image: touched("2026-11-22T12:00:00Z", "another kernel"),
    previous: second.bytes,
  });
  assert.equal(third.manifest.version, "2026.11.22");
});

Deno.test("issueManifest() dates an image anew whose own version is taken away", async () => {
  const first = await issue({ image: hashedImage({ version: "6.12" }) });
  const { manifest } = await issue({ previous: first.bytes });
  assert.match(manifest.version, /^\d{4}\.\d\d\.\d\d$/);
  assert.ok(manifest.manifestVersion > first.manifest.manifestVersion);
});

Deno.test("issueManifest() raises the number even within a second and when the clock goes back", async () => {
  const first = await issue();
  for (const now of [NOW, NOW - 365 * DAY_MS, 0]) {
    const later = await issue({
      image: changedImage,
      previous: first.bytes,
      now,
    });
    assert.equal(
      later.manifest.manifestVersion,
      first.manifest.manifestVersion + 1,
    );
  }
});

Deno.test("issueManifest() goes no further than two days beyond the last number, whatever its clock says", async () => {
  const first = await issue();
  const { manifestVersion } = first.manifest;
  const wants: readonly (readonly [days: number, versionsAhead: number])[] = [
    [1, 86_400],
    [2, 2 * 86_400],
    [3, 2 * 86_400],
    [4000, 2 * 86_400],
    [-1, 1],
  ];
  for (const [days, versionsAhead] of wants) {
    const { manifest } = await issue({
      image: hashedImage({ cmdline: "other" }),
      previous: first.bytes,
      now: NOW + days * DAY_MS,
    });
    assert.equal(manifest.manifestVersion, manifestVersion + versionsAhead);
  }
});

Deno.test("issueManifest() signs anew when the keys change, without a new number", async () => {
  const first = await issue();
  const other = await testSigningKey(2);
  for (const signers of [[other], [signer, other], []]) {
    const { bytes, manifest } = await issue({ signers, previous: first.bytes });
    const envelope = openEnvelope(bytes);
    assert.ok(envelope.ok);
    assert.deepEqual(
      envelope.value.signatures.map(({ keyId }) => keyId),
      signers.map(({ publicKey }) => publicKey.keyId).sort(),
    );
    assert.equal(manifest.manifestVersion, first.manifest.manifestVersion);
  }
});

Deno.test("issueManifest() does not take over a signature that is wrong", async () => {
  const first = await issue();
  const text = new TextDecoder().decode(first.bytes);
  const broken = text.replace(
    /"sig":"(.)/,
    (_, letter) => `"sig":"${letter === "A" ? "B" : "A"}`,
  );
  assert.notEqual(broken, text);
  const { bytes } = await issue({
    previous: new TextEncoder().encode(broken),
  });
  assert.deepEqual(bytes, first.bytes);
});

Deno.test("issueManifest() starts anew from a previous one that is not of this image", async () => {
  const fresh = await issue({ now: NOW + DAY_MS });
  const other = await issue({
    image: hashedImage({ image: { channel: "testing", arch: "arm64" } }),
  });
  for (
    const previous of [
      other.bytes,
      new TextEncoder().encode("garbage"),
      await sealEnvelope({ a: 1 }, [signer]),
    ]
  ) {
    const { bytes } = await issue({ previous, now: NOW + DAY_MS });
    assert.deepEqual(bytes, fresh.bytes);
  }
});

Deno.test("issueManifest() puts right the dates of a clock that ran ahead", async () => {
  const ahead = await issue({ now: NOW + 365 * DAY_MS });
  const { manifest } = await issue({ previous: ahead.bytes });
  assert.equal(manifest.manifestVersion, ahead.manifest.manifestVersion);
  assert.equal(manifest.createdAtMs, Date.UTC(2026, 10, 22, 12));
  assert.equal(manifest.expiresAtMs, Date.UTC(2026, 11, 22, 12));
});

Deno.test("issueManifest() keeps what is signed while its own clock cannot be trusted", async () => {
  const first = await issue();
  const again = await issue({
    previous: first.bytes,
    now: 1000,
    clockTrusted: false,
  });
  assert.deepEqual(again.bytes, first.bytes);
});

Deno.test("issueManifest() names a file that cannot be promised", async () => {
  const wrong = [
    hashedImage({ kernel: hashedArtifact("my kernel") }),
    hashedImage({ version: "x".repeat(65) }),
    hashedImage({ cmdline: "a\nb" }),
  ];
  for (const image of wrong) {
    await assert.rejects(
      issue({ image }),
      (error) =>
        error instanceof UserError &&
        error.message.startsWith(
          'Cannot issue a manifest for stable/arm64 from "/images/stable/arm64": ',
        ),
    );
  }
});

Deno.test("issueManifest() names every file by its path, and the order of initrds", async () => {
  const { bytes, manifest } = await issue({
    image: hashedImage({
      initramfs: hashedArtifact("initrd.img"),
      dtbs: [hashedArtifact("dtbs/ti/a+b.dtbo")],
      files: [hashedArtifact("intel-ucode.img"), hashedArtifact("kernel")],
      initrds: ["intel-ucode.img", "initrd.img"],
    }),
  });
  const { artifacts, initrds } = JSON.parse(new TextDecoder().decode(bytes));
  assert.deepEqual(initrds, ["intel-ucode.img", "initrd.img"]);
  assert.deepEqual(Object.keys(artifacts.files), ["intel-ucode.img", "kernel"]);
  const tree = artifacts.dtbs["dtbs/ti/a+b.dtbo"];
  assert.equal(tree.urls[0], "dtbs/ti/a%2Bb.dtbo");
  // What is answered there is the kernel of the image.
  const { urls, hash } = artifacts.files.kernel;
  assert.deepEqual(urls, [`/blobs/sha256/${hash.slice(7)}`]);
  assert.deepEqual(readEnvelope(bytes), { ok: true, value: manifest });
});

Deno.test("issueManifest() of role files alone says nothing of files and initrds", async () => {
  const { bytes } = await issue();
  const { artifacts, ...rest } = JSON.parse(new TextDecoder().decode(bytes));
  assert.deepEqual(Object.keys(artifacts), ["kernel"]);
  assert.ok(!("initrds" in rest));
});

Deno.test("issueManifest() makes a new version when another file changes", async () => {
  const first = await issue({
    image: hashedImage({ files: [hashedArtifact("a/b")] }),
  });
  const { manifest } = await issue({
    image: hashedImage({ files: [hashedArtifact("a/b", { content: "x" })] }),
    previous: first.bytes,
    now: NOW,
  });
  assert.equal(manifest.manifestVersion, first.manifest.manifestVersion + 1);
});

Deno.test("issueManifest() refuses so many files that no client takes the manifest", async () => {
  const dtbs = Array.from(
    { length: 2100 },
    (_, i) => hashedArtifact(`dtbs/vendor/board-${1000 + i}.dtb`),
  );
  await assert.rejects(
    issue({ image: hashedImage({ dtbs }) }),
    (error) =>
      error instanceof UserError &&
      /stable\/arm64.*2101 files.*larger than 1 MiB.*dtbs = \[/.test(
        error.message,
      ),
  );
});
