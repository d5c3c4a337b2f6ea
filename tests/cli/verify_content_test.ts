import assert from "node:assert/strict";
import {
  type VerifiedFile,
  verifyContent,
  verifyDocument,
  verifyProblem,
  verifyText,
} from "../../lib/cli/verify_content.ts";
import { scanAvailable } from "../../lib/scan/scan_available.ts";
import {
  type LibraryParts,
  machine,
  openLibrary,
  served,
  STABLE,
} from "../support/memory_library.ts";
import { sha256Hex } from "../support/memory_catalog.ts";

const { signal } = new AbortController();
const TIME = "2026-11-22T10:00:00Z";
const LATER = "2026-11-22T10:00:01Z";
const SHA256_OF_KERNEL = await sha256Hex(new TextEncoder().encode("kernel"));

/** After a provider has hashed and signed what lies there. */
async function provided(kind = 0xef53): Promise<LibraryParts> {
  const parts = machine();
  const { fileSystem } = parts;
  fileSystem.kinds.set("/images", kind);
  fileSystem.file(`${STABLE}/notes`, "some notes");
  await served(openLibrary(parts));
  return parts;
}

async function verify(parts: LibraryParts): Promise<VerifiedFile[]> {
  const settings = { artifactsDir: "/images" };
  const { available } = await scanAvailable(settings, parts.fileSystem, {
    signal,
  });
  return await verifyContent(available, "/state", parts, { signal });
}

const outcomes = (files: readonly VerifiedFile[]) =>
  files.map(({ filename, outcome }) => `${filename} ${outcome}`);

Deno.test("verifyContent() finds all as it was promised, and writes nothing", async () => {
  const parts = await provided();
  const before = await parts.fileSystem.list("/state");
  const files = await verify(parts);
  assert.deepEqual(outcomes(files), ["vmlinuz ok", "notes ok"]);
  assert.equal(verifyProblem(files), undefined);
  assert.deepEqual(verifyText(files), [
    "ok         stable/arm64/vmlinuz",
    "ok         stable/arm64/notes",
  ]);
  assert.deepEqual(await parts.fileSystem.list("/state"), before);
});

for (
  const [what, kind, expectedBy] of [
    ["a disk that went bad", 0xef53, "/state/digests.json"],
    ["another squashfs", 0x73717368, "/state/manifests/stable/arm64.json"],
  ] as const
) {
  Deno.test(`verifyContent() names a file of ${what}`, async () => {
    const parts = await provided(kind);
    parts.fileSystem.overwrite(`${STABLE}/vmlinuz`, "KERNEL", TIME, LATER);
    const files = await verify(parts);
    assert.deepEqual(outcomes(files), ["vmlinuz differs", "notes ok"]);
    assert.match(verifyProblem(files) ?? "", /^1 of 2 files is not what/);
    const [line = ""] = verifyText(files);
    assert.ok(line.startsWith("differs    stable/arm64/vmlinuz  has sha256:"));
    assert.ok(
      line.endsWith(`, but sha256:${SHA256_OF_KERNEL} by ${expectedBy}`),
    );
    const document = JSON.parse(JSON.stringify(verifyDocument(files)));
    assert.equal(document.error, verifyProblem(files));
    assert.deepEqual(document.verified[0], {
      channel: "stable",
      arch: "arm64",
      file: "vmlinuz",
      path: `${STABLE}/vmlinuz`,
      outcome: "differs",
      sha256: await sha256Hex(new TextEncoder().encode("KERNEL")),
      expected: SHA256_OF_KERNEL,
      expected_by: expectedBy,
    });
  });
}

Deno.test("verifyContent() believes checksums and a signed manifest of the owner first", async () => {
  const parts = await provided();
  const { fileSystem } = parts;
  fileSystem.file(
    `${STABLE}/manifest.json`,
    await fileSystem.readText("/state/manifests/stable/arm64.json"),
  );
  fileSystem.file(`${STABLE}/SHA256SUMS`, `${"0".repeat(64)}  notes\n`);
  fileSystem.file(`${STABLE}/image.toml`, 'checksums = "SHA256SUMS"\n');
  const files = await verify(parts);
  assert.deepEqual(
    files.map(({ expected }) => expected?.by),
    [`${STABLE}/manifest.json`, undefined, "SHA256SUMS"],
  );
  assert.deepEqual(
    outcomes(files),
    ["vmlinuz ok", "SHA256SUMS new", "notes differs"],
  );
});

Deno.test("verifyContent() tells what nothing is known of, and what cannot be read", async () => {
  const parts = machine();
  parts.fileSystem.file(`${STABLE}/notes`, "some notes")
    .file("/state/digests.json", "damaged");
  const reading = verify(parts);
  const files = await reading;
  assert.deepEqual(outcomes(files), ["vmlinuz new", "notes new"]);
  assert.equal(verifyProblem(files), undefined);
  assert.match(parts.logger.lines.join("\n"), /WARN Cannot use "\/state/);
  const settings = { artifactsDir: "/images" };
  const { available } = await scanAvailable(settings, parts.fileSystem, {
    signal,
  });
  parts.fileSystem.setReadable(`${STABLE}/vmlinuz`, false);
  const unread = await verifyContent(available, "/state", parts, { signal });
  assert.deepEqual(outcomes(unread), ["vmlinuz unread", "notes new"]);
  assert.ok(verifyProblem(unread));
  assert.match(verifyText(unread)[0] ?? "", /^unread .*permission denied/);
});
