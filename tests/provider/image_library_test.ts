import assert from "node:assert/strict";
import { UserError } from "../../lib/core/errors.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { readEnvelope } from "../../lib/manifest/verify_envelope.ts";
import {
  ImageLibrary,
  type ImageLibraryOptions,
} from "../../lib/provider/image_library.ts";
import { WRITING_QUIET_MS } from "../../lib/scan/settling.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hashedArtifact, hashedImage } from "../support/hashed_image.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { imageOf } from "../support/sample_images.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const DAY_MS = 86_400_000;
const STABLE = "/images/stable/arm64";
const { signal } = new AbortController();
const [own, owner] = await Promise.all([testSigningKey(1), testSigningKey(2)]);

/** A machine with `stable/arm64` on its disk. */
function machine() {
  return {
    fileSystem: new MemoryFileSystem().file(`${STABLE}/vmlinuz`, "kernel"),
    clock: new FakeClock(),
    logger: new MemoryLogger(),
  };
}

function open(
  parts: ReturnType<typeof machine>,
  options: Partial<ImageLibraryOptions> = {},
): ImageLibrary {
  return new ImageLibrary({
    scan: {
      artifactsDir: "/images",
      channels: ["stable", "testing"],
      architectures: ["arm64"],
    },
    stateDir: "/state",
    loadSigner: () => Promise.resolve(own),
    expiresDays: 30,
    ...parts,
    ...options,
  });
}

/** Rewrites a file in place, and waits until it is taken for whole. */
async function rewrite(
  { fileSystem, clock }: ReturnType<typeof machine>,
  library: ImageLibrary,
  content: string,
  modified: string,
): Promise<void> {
  fileSystem.overwrite(`${STABLE}/vmlinuz`, content, modified);
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  await clock.advance(WRITING_QUIET_MS);
  await library.refresh({ signal });
}

/** `stable/arm64` as it is served, once the disk was looked at. */
async function served(library: ImageLibrary) {
  await library.refresh({ signal });
  const image = library.find(imageOf("stable/arm64"));
  assert.ok(image, "stable/arm64 is not served");
  const manifest = readEnvelope(image.manifest.bytes);
  assert.ok(manifest.ok);
  return {
    ...image,
    bytes: image.manifest.bytes,
    manifestVersion: manifest.value.manifestVersion,
    expiresAtMs: manifest.value.expiresAtMs,
  };
}

/** A manifest of the machine's image, as its owner signs it elsewhere. */
async function ownersManifest(
  { signers = [owner], channel = "stable", now = "2026-11-20T00:00:00Z" }: {
    signers?: readonly SigningKey[];
    channel?: string;
    now?: string;
  } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes } = await issueManifest({
    image: hashedImage({
      image: { channel, arch: "arm64" },
      kernel: hashedArtifact("vmlinuz", { content: "kernel" }),
    }),
    signers,
    now: Date.parse(now),
    expiresDays: 30,
  });
  return bytes;
}

const noKey = () => Promise.reject(new UserError("Cannot use signing key"));

Deno.test("ImageLibrary serves nothing before it has looked", () => {
  const library = open(machine());
  assert.deepEqual(library.images(), []);
  assert.deepEqual(library.missing, []);
});

Deno.test("ImageLibrary.refresh() also serves what settles while it reads something else", async () => {
  const { clock, logger } = machine();
  const fileSystem = new MemoryFileSystem()
    .file(`${STABLE}/vmlinuz`, "old", { modified: "2026-11-22T11:00:00Z" })
    .file("/images/testing/arm64/vmlinuz", "young", {
      modified: "2026-11-22T11:59:58.500Z",
    });
  const open_ = fileSystem.open.bind(fileSystem);
  let opened = 0;
  fileSystem.open = async (path) => {
    // The first time it is looked at, the second time it is read.
    if (path === `${STABLE}/vmlinuz` && ++opened === 2) {
      await clock.advance(1000);
    }
    return await open_(path);
  };
  const library = open({ fileSystem, clock, logger });
  await library.refresh({ signal });
  assert.deepEqual(library.images().map(({ image }) => image.channel), [
    "stable",
    "testing",
  ]);
});

Deno.test("ImageLibrary signs what is on disk, and says what is missing", async () => {
  const library = open(machine());
  const image = await served(library);
  assert.match(
    new TextDecoder().decode(image.bytes),
    new RegExp(`"keyid":"${own.publicKey.keyId}"`),
  );
  assert.equal(image.artifacts.get("kernel")?.path, `${STABLE}/vmlinuz`);
  assert.deepEqual(library.missing.map((missing) => missing.image), [
    imageOf("testing/arm64"),
  ]);
  assert.equal(library.keyProblem, undefined);
});

Deno.test("ImageLibrary serves the same bytes after a restart, also with another clock", async () => {
  const parts = machine();
  const before = await served(open(parts));
  parts.clock.jumpTo("2026-11-25T00:00:00Z");
  const after = await served(open(parts));
  assert.deepEqual(after.bytes, before.bytes);
});

Deno.test("ImageLibrary reads no artifact of 1,000 images after a restart but the one that changed", async () => {
  const parts = machine();
  const { fileSystem } = parts;
  const path = (i: number) => `/images/stable/arch-${i}/vmlinuz`;
  for (let i = 0; i < 1000; i++) fileSystem.file(path(i), `kernel ${i}`);
  const scan = { artifactsDir: "/images" };
  await open(parts, { scan }).refresh({ signal });
  fileSystem.file(path(7), "another");
  fileSystem.read.length = 0;
  const library = open(parts, { scan });
  await library.refresh({ signal });
  assert.equal(library.images().length, 1001);
  const read = fileSystem.read.filter((name) => name.endsWith("vmlinuz"));
  assert.deepEqual([...new Set(read)], [path(7)]);
});

Deno.test("ImageLibrary renews a manifest half-way to its end, under the same version", async () => {
  const parts = machine();
  const library = open(parts);
  const before = await served(library);
  await parts.clock.advance(15 * DAY_MS);
  const after = await served(library);
  assert.equal(after.manifestVersion, before.manifestVersion);
  assert.equal(after.expiresAtMs, before.expiresAtMs + 15 * DAY_MS);
});

Deno.test("ImageLibrary raises manifest_version with every change of content, whatever the clock says", async () => {
  const parts = machine();
  const library = open(parts);
  const before = await served(library);
  parts.clock.jumpTo("2026-11-01T00:00:00Z");
  await rewrite(parts, library, "KERNEL", "2026-11-22T11:00:00Z");
  const changed = await served(library);
  assert.ok(changed.manifestVersion > before.manifestVersion);
  await rewrite(parts, library, "kernel", "2026-11-22T10:00:00Z");
  const back = await served(library);
  assert.ok(back.manifestVersion > changed.manifestVersion);
});

Deno.test("ImageLibrary sets a damaged manifest of its own aside, and makes another that is no older", async () => {
  const parts = machine();
  const before = await served(open(parts));
  const path = "/state/manifests/stable/arm64.json";
  parts.fileSystem.file(path, "half a manif");
  await parts.clock.advance(60_000);
  const after = await served(open(parts));
  assert.ok(after.manifestVersion >= before.manifestVersion);
  assert.equal(parts.logger.lines.length, 1);
  assert.match(parts.logger.lines[0] ?? "", /^WARN Moved .*\.damaged/);
  assert.equal(
    await parts.fileSystem.readText(`${path}.damaged`),
    "half a manif",
  );
});

Deno.test("ImageLibrary forgets an image that is gone", async () => {
  const parts = machine();
  const library = open(parts);
  await served(library);
  parts.fileSystem.remove(`${STABLE}/vmlinuz`);
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  assert.equal(library.missing.length, 2);
});

Deno.test("ImageLibrary keeps what it found when the artifacts cannot be read any more", async () => {
  const parts = machine();
  const library = open(parts);
  await served(library);
  parts.fileSystem.setReadable("/images", false).remove("/images");
  await assert.rejects(library.refresh({ signal }), UserError);
  assert.equal(library.images().length, 1);
});

Deno.test("ImageLibrary serves what the owner signed byte for byte, and asks for no key", async () => {
  const parts = machine();
  const signed = await ownersManifest();
  parts.fileSystem.file(`${STABLE}/manifest.json`, signed);
  const library = open(parts, { loadSigner: () => assert.fail("asked") });
  const image = await served(library);
  assert.deepEqual(image.bytes, signed);
  assert.deepEqual([...image.artifacts.keys()], ["kernel"]);
  assert.equal(library.keyProblem, undefined);
  await assert.rejects(parts.fileSystem.stat("/state/manifests"));
  assert.deepEqual(parts.logger.lines, []);
});

Deno.test("ImageLibrary notices that a file differs from what was signed, and names it", async () => {
  const parts = machine();
  const { fileSystem, logger } = parts;
  fileSystem.file(`${STABLE}/manifest.json`, await ownersManifest());
  const library = open(parts);
  await served(library);
  await rewrite(parts, library, "kernEl", "2026-11-22T11:00:00Z");
  assert.deepEqual(library.images(), []);
  assert.deepEqual(logger.lines, [
    `WARN Cannot offer stable/arm64: "${STABLE}/manifest.json" does not fit ` +
    "its image: vmlinuz has another SHA-256 than promised",
  ]);
  // Nor does it sign by itself what the owner did not sign.
  await assert.rejects(fileSystem.stat("/state/manifests"));
});

for (
  const [what, bytes, says] of [
    [
      "is not signed yet",
      await ownersManifest({ signers: [] }),
      /not signed$/,
    ],
    [
      "is of another channel",
      await ownersManifest({ channel: "testing" }),
      /manifest\.json is for testing\/arm64$/,
    ],
    ["is no manifest", new TextEncoder().encode("{}"), /signed\.data/],
  ] as const
) {
  Deno.test(`ImageLibrary does not offer an image whose manifest.json ${what}`, async () => {
    const parts = machine();
    parts.fileSystem.file(`${STABLE}/manifest.json`, bytes);
    const library = open(parts);
    await library.refresh({ signal });
    assert.deepEqual(library.images(), []);
    assert.match(parts.logger.lines.join("\n"), says);
  });
}

Deno.test("ImageLibrary has a key problem only when a key is needed", async () => {
  const parts = machine();
  const { fileSystem, logger } = parts;
  const library = open(parts, { loadSigner: noKey });
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  assert.match(library.keyProblem?.message ?? "", /signing key/);
  assert.deepEqual(logger.lines, [
    "WARN Cannot offer stable/arm64: Cannot use signing key",
  ]);

  fileSystem.file(`${STABLE}/manifest.json`, await ownersManifest());
  await served(library);
  assert.equal(library.keyProblem, undefined);
});

Deno.test("ImageLibrary offers the other images when one cannot be offered", async () => {
  const parts = machine();
  parts.fileSystem
    .file(`${STABLE}/manifest.json`, await ownersManifest())
    .file("/images/testing/arm64/vmlinuz", "other");
  const library = open(parts, { loadSigner: noKey });
  await library.refresh({ signal });
  assert.deepEqual(library.images().map(({ image }) => image), [
    imageOf("stable/arm64"),
  ]);
});

Deno.test("ImageLibrary says each thing once, and again after it had gone away", async () => {
  const parts = machine();
  const { fileSystem, logger } = parts;
  const library = open(parts);
  const broken = () => fileSystem.file(`${STABLE}/manifest.json`, "{}");
  broken();
  await library.refresh({ signal });
  await library.refresh({ signal });
  assert.equal(logger.lines.length, 1);
  fileSystem.remove(`${STABLE}/manifest.json`);
  await library.refresh({ signal });
  assert.equal(logger.lines.length, 1);
  broken();
  await library.refresh({ signal });
  assert.equal(logger.lines.length, 2);
});

Deno.test("ImageLibrary warns 14 days before what the owner signed expires, and still serves it", async () => {
  const parts = machine();
  const { fileSystem, clock, logger } = parts;
  fileSystem.file(`${STABLE}/manifest.json`, await ownersManifest());
  const library = open(parts);
  clock.jumpTo("2026-12-05T23:59:59Z");
  await served(library);
  assert.deepEqual(logger.lines, []);
  clock.jumpTo("2026-12-06T00:00:00Z");
  await served(library);
  assert.deepEqual(logger.lines, [
    `WARN The manifest "${STABLE}/manifest.json" expires at ` +
    "2026-12-20T00:00:00Z, in 14 days; have its owner sign a new one",
  ]);
});

Deno.test("ImageLibrary hands on the trust documents of its state directory", async () => {
  const parts = machine();
  const { fileSystem, logger } = parts;
  const second = await sealTrustRoot(
    trustRoot([own], { trust_version: 2 }),
    [owner],
  );
  fileSystem.file("/state/trust/2.json", second)
    .file("/state/trust/3.json", second);
  const library = open(parts);
  await served(library);
  assert.deepEqual([...library.trustDocuments()], [[2, second]]);
  assert.equal(logger.lines.length, 1);
  assert.match(
    logger.lines[0] ?? "",
    /WARN Ignoring "\/state\/trust\/3\.json"/,
  );
});

Deno.test("ImageLibrary passes its caller's abort on", async () => {
  await assert.rejects(
    open(machine()).refresh({ signal: AbortSignal.abort(new Error("enough")) }),
    /enough/,
  );
});

Deno.test("ImageLibrary serves every file by its path, a role before a file of its name", async () => {
  const parts = machine();
  parts.fileSystem.file(`${STABLE}/kernel`, "another")
    .file(`${STABLE}/dtbs/ti/a.dtb`, "tree").file(`${STABLE}/sub/boot.img`, "x")
    .file(`${STABLE}/initrd.img`, "rd").file(`${STABLE}/amd-ucode.img`, "cpu");
  const { artifacts, initrds } = await served(open(parts));
  assert.deepEqual([...artifacts.keys()], [
    "kernel",
    "initramfs",
    "dtbs/ti/a.dtb",
    "amd-ucode.img",
    "./kernel",
    "sub/boot.img",
  ]);
  assert.equal(artifacts.get("kernel")?.filename, "vmlinuz");
  assert.deepEqual(initrds, ["amd-ucode.img", "initrd.img"]);
  assert.deepEqual(warningsOf(parts.logger), []);
});

Deno.test("ImageLibrary offers an image with too many files to nobody, and says so once", async () => {
  const parts = machine();
  for (let i = 0; i < 2100; i++) {
    parts.fileSystem.file(`${STABLE}/dtbs/vendor/board-${i}.dtb`, `${i}`);
  }
  const library = open(parts);
  await library.refresh({ signal });
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  const warnings = warningsOf(parts.logger);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^Cannot offer stable\/arm64: .*1 MiB/);
});

Deno.test("ImageLibrary says at once that a boot script cannot say the cmdline", async () => {
  const parts = machine();
  parts.fileSystem.file(`${STABLE}/cmdline`, "console=ttyS0 a=${net0/mac}");
  await served(open(parts));
  const warnings = warningsOf(parts.logger);
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? "",
    /cmdline of stable\/arm64 cannot be passed by iPXE: it holds "\$\{".*boot.ipxe/,
  );
});

Deno.test("ImageLibrary holds an image back while a file does not match its checksum", async () => {
  const parts = machine();
  const sha256 = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode("whole"),
  );
  const hex = new Uint8Array(sha256).toHex();
  parts.fileSystem.file(`${STABLE}/image.toml`, 'checksums = "SHA256SUMS"')
    .file(`${STABLE}/SHA256SUMS`, `${hex}  rootfs.squashfs\n`)
    .file(`${STABLE}/rootfs.squashfs`, "who");
  const library = open(parts);
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  assert.match(
    warningsOf(parts.logger).join(),
    /Cannot offer stable\/arm64: "rootfs.squashfs" does not match its digest/,
  );
  parts.fileSystem.file(`${STABLE}/rootfs.squashfs`, "whole");
  const { artifacts } = await served(library);
  assert.equal(artifacts.get("rootfs")?.sha256, hex);
});

function warningsOf({ lines }: MemoryLogger): string[] {
  return lines.filter((line) => line.startsWith("WARN "))
    .map((line) => line.slice("WARN ".length));
}
