import assert from "node:assert/strict";
import { UserError } from "../../lib/core/errors.ts";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import type { ImageLibrary } from "../../lib/provider/image_library.ts";
import { WRITING_QUIET_MS } from "../../lib/scan/settling.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import {
  machine,
  openLibrary,
  own,
  owner,
  ownersManifest,
  served,
  STABLE,
} from "../support/memory_library.ts";
import { imageOf } from "../support/sample_images.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const DAY_MS = 86_400_000;
const { signal } = new AbortController();

/** Rewrites a file in place, and waits until it is taken for whole. */
async function rewrite(
  { fileSystem, clock }: ReturnType<typeof machine>,
  library: ImageLibrary,
  content: string,
  modified: string,
): Promise<void> {
  fileSystem.overwrite(`${STABLE}/vmlinuz`, content, modified);
  const before = library.images();
  await library.refresh({ signal });
  assert.deepEqual(library.images(), before);
  await clock.advance(WRITING_QUIET_MS);
  await library.refresh({ signal });
}

const noKey = () => Promise.reject(new UserError("Cannot use signing key"));

Deno.test("ImageLibrary serves nothing before it has looked", () => {
  const library = openLibrary(machine());
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
  const library = openLibrary({ fileSystem, clock, logger });
  await library.refresh({ signal });
  assert.deepEqual(library.images().map(({ image }) => image.channel), [
    "stable",
    "testing",
  ]);
});

Deno.test("ImageLibrary signs what is on disk, and says what is missing", async () => {
  const library = openLibrary(machine());
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
  const before = await served(openLibrary(parts));
  parts.clock.jumpTo("2026-11-25T00:00:00Z");
  const after = await served(openLibrary(parts));
  assert.deepEqual(after.bytes, before.bytes);
});

Deno.test("ImageLibrary reads no artifact of 1,000 images after a restart but the one that changed", async () => {
  const parts = machine();
  const { fileSystem } = parts;
  const path = (i: number) => `/images/stable/arch-${i}/vmlinuz`;
  for (let i = 0; i < 1000; i++) fileSystem.file(path(i), `kernel ${i}`);
  const scan = { artifactsDir: "/images" };
  await openLibrary(parts, { scan }).refresh({ signal });
  fileSystem.file(path(7), "another");
  fileSystem.read.length = 0;
  const library = openLibrary(parts, { scan });
  await library.refresh({ signal });
  assert.equal(library.images().length, 1001);
  const read = fileSystem.read.filter((name) => name.endsWith("vmlinuz"));
  assert.deepEqual([...new Set(read)], [path(7)]);
});

Deno.test("ImageLibrary renews a manifest half-way to its end, under the same version", async () => {
  const parts = machine();
  const library = openLibrary(parts);
  const before = await served(library);
  await parts.clock.advance(15 * DAY_MS);
  const after = await served(library);
  assert.equal(after.manifestVersion, before.manifestVersion);
  assert.equal(after.expiresAtMs, before.expiresAtMs + 15 * DAY_MS);
});

Deno.test("ImageLibrary renews it at a look at what has changed, too", async () => {
  const parts = machine();
  const library = openLibrary(parts);
  const before = await served(library);
  await parts.clock.advance(15 * DAY_MS);
  await library.look({ at: "changes", signal });
  const after = library.images()[0]?.manifest;
  assert.equal(after?.expiresAtMs, before.expiresAtMs + 15 * DAY_MS);
});

Deno.test("ImageLibrary raises manifest_version with every change of content, whatever the clock says", async () => {
  const parts = machine();
  const library = openLibrary(parts);
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
  const before = await served(openLibrary(parts));
  const path = "/state/manifests/stable/arm64.json";
  parts.fileSystem.file(path, "half a manif");
  await parts.clock.advance(60_000);
  const after = await served(openLibrary(parts));
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
  const library = openLibrary(parts);
  await served(library);
  parts.fileSystem.remove(`${STABLE}/vmlinuz`);
  await library.refresh({ signal });
  assert.equal(library.images().length, 1, "it may be on its way back");
  assert.equal(library.missing.length, 1);
  await parts.clock.advance(250);
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  assert.equal(library.missing.length, 2);
});

Deno.test("ImageLibrary keeps what it found when the artifacts cannot be read any more", async () => {
  const parts = machine();
  const library = openLibrary(parts);
  await served(library);
  parts.fileSystem.setReadable("/images", false).remove("/images");
  await assert.rejects(library.refresh({ signal }), UserError);
  assert.equal(library.images().length, 1);
});

Deno.test("ImageLibrary serves what the owner signed byte for byte, and asks for no key", async () => {
  const parts = machine();
  const signed = await ownersManifest();
  parts.fileSystem.file(`${STABLE}/manifest.json`, signed);
  const library = openLibrary(parts, {
    loadSigners: () => assert.fail("asked"),
  });
  const image = await served(library);
  assert.deepEqual(image.bytes, signed);
  assert.deepEqual([...image.artifacts.keys()], ["kernel"]);
  assert.equal(library.keyProblem, undefined);
  await assert.rejects(parts.fileSystem.stat("/state/manifests"));
  assert.deepEqual(parts.logger.lines, []);
});

Deno.test("ImageLibrary notices that a file differs from what was signed, and names it", async () => {
  const parts = machine();
  const { fileSystem, clock, logger } = parts;
  fileSystem.file(`${STABLE}/manifest.json`, await ownersManifest());
  const library = openLibrary(parts);
  await served(library);
  const before = library.images();
  await rewrite(parts, library, "kernEl", "2026-11-22T11:00:00Z");
  assert.deepEqual(library.images(), before);
  await clock.advance(WRITING_QUIET_MS);
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  const why = `"${STABLE}/manifest.json" does not match its image: ` +
    "vmlinuz does not have the promised SHA-256";
  assert.deepEqual(logger.lines, [
    `WARN Cannot offer the new stable/arm64, keeping the previous one: ${why}`,
    `WARN Cannot offer stable/arm64: ${why}`,
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
    const library = openLibrary(parts);
    await library.refresh({ signal });
    assert.deepEqual(library.images(), []);
    assert.match(parts.logger.lines.join("\n"), says);
  });
}

Deno.test("ImageLibrary has a key problem only when a key is needed", async () => {
  const parts = machine();
  const { fileSystem, logger } = parts;
  const library = openLibrary(parts, { loadSigners: noKey });
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
  const library = openLibrary(parts, { loadSigners: noKey });
  await library.refresh({ signal });
  assert.deepEqual(library.images().map(({ image }) => image), [
    imageOf("stable/arm64"),
  ]);
});

Deno.test("ImageLibrary says each thing once, and again after it had gone away", async () => {
  const parts = machine();
  const { fileSystem, logger } = parts;
  const library = openLibrary(parts);
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
  const library = openLibrary(parts);
  clock.jumpTo("2026-12-05T23:59:59Z");
  await served(library);
  assert.deepEqual(logger.lines, []);
  clock.jumpTo("2026-12-06T00:00:00Z");
  await served(library);
  assert.deepEqual(logger.lines, [
    `WARN The manifest "${STABLE}/manifest.json" expires at ` +
    "2026-12-20T00:00:00Z, in 14 days; have its owner renew it with: plasmd manifest renew",
  ]);
});

Deno.test("ImageLibrary hands on the trust documents of its state directory", async () => {
  const parts = machine();
  const { fileSystem, logger } = parts;
  const second = await sealTrustRoot(
    trustRoot([own], { trust_version: 2 }),
    [owner, own],
  );
  fileSystem.file("/state/trust/2.json", second)
    .file("/state/trust/3.json", second);
  const library = openLibrary(parts);
  await served(library);
  assert.deepEqual([...library.trustDocuments()], [[2, second]]);
  assert.equal(logger.lines.length, 2);
  const [serving = "", ignoring = ""] = logger.lines;
  assert.equal(serving, "INFO Serving trust document 2 at /trust/2.json");
  assert.match(ignoring, /WARN Ignoring "\/state\/trust\/3\.json"/);
  const images = library.images();
  const documents = library.trustDocuments();
  await library.refresh({ signal });
  assert.equal(logger.lines.length, 2, "said once");
  // So that what requests have led to is found again without a search.
  assert.equal(library.images(), images);
  assert.equal(library.trustDocuments(), documents);

  const third = await sealTrustRoot(
    trustRoot([owner], { trust_version: 3 }),
    [own, owner],
  );
  fileSystem.file("/state/trust/3.json", third);
  await library.refresh({ signal });
  assert.equal(
    logger.lines.at(-1),
    "WARN Boxes that follow trust document 3 refuse what " +
      `${own.publicKey.keyId} signed: 0 of its keys, not 1; sign with keys ` +
      "that it names, or create a successor that names these with: plasmd trust sign",
  );
  assert.equal(library.warnings.length, 1);
});

Deno.test("ImageLibrary passes its caller's abort on", async () => {
  await assert.rejects(
    openLibrary(machine()).refresh({
      signal: AbortSignal.abort(new Error("enough")),
    }),
    /enough/,
  );
});

Deno.test("ImageLibrary.configure() has images signed by the key that there is now, under the same version", async () => {
  const parts = machine();
  let key = own;
  const loadSigners = () => Promise.resolve([key]);
  const library = openLibrary(parts, { loadSigners });
  const before = await served(library);
  key = owner;
  const scan = { artifactsDir: "/images", architectures: ["arm64"] };
  library.configure(scan, { expiresDays: 30 });
  const after = await served(library);
  assert.equal(after.manifestVersion, before.manifestVersion);
  const envelope = openEnvelope(after.bytes);
  assert.ok(envelope.ok);
  assert.deepEqual(
    envelope.value.signatures.map(({ keyId }) => keyId),
    [owner.publicKey.keyId],
  );
});
