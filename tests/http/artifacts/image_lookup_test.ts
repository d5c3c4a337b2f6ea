import assert from "node:assert/strict";
import {
  findArtifact,
  findBlob,
  findImage,
  findOnlyImage,
} from "../../../lib/http/artifacts/image_lookup.ts";
import { httpFixture } from "../../support/http_fixture.ts";
import { MemoryCatalog } from "../../support/memory_catalog.ts";

const { catalog } = await httpFixture();
const [stable, testing] = catalog.images();
if (stable === undefined || testing === undefined) throw new Error("no image");
const EMPTY = new MemoryCatalog();

function reasonOf(result: { ok: boolean; reason?: string }): string {
  assert.equal(result.ok, false);
  return result.reason ?? "";
}

for (const arch of ["arm64", "aarch64", "ARM64", "AArch64"]) {
  Deno.test(`findImage() of Stable/${arch} is stable/arm64`, () => {
    assert.deepEqual(findImage(catalog, { channel: "Stable", arch }), {
      ok: true,
      value: stable,
    });
  });
}

Deno.test("findImage() says what is served instead", () => {
  const image = { channel: "stable", arch: "riscv64" };
  assert.equal(
    reasonOf(findImage(catalog, image)),
    "No image stable/riscv64 here; served: stable/arm64, testing/x86_64",
  );
  assert.match(reasonOf(findImage(EMPTY, image)), /nothing is served yet$/);
});

Deno.test("findImage() shows no control character of what is no image", () => {
  const reason = reasonOf(
    findImage(catalog, { channel: "a\x1b[31m", arch: "x\n" }),
  );
  assert.match(reason, /^No image [\x20-\x7e]+$/);
});

Deno.test("findOnlyImage() is the image where there is one", () => {
  assert.deepEqual(findOnlyImage(new MemoryCatalog([testing])), {
    ok: true,
    value: testing,
  });
  assert.match(reasonOf(findOnlyImage(catalog)), /^Several images/);
  assert.equal(
    reasonOf(findOnlyImage(EMPTY)),
    "No image is served here yet",
  );
});

for (
  const [name, filename] of [
    ["kernel", "vmlinuz"],
    ["KERNEL", "vmlinuz"],
    ["Kernel", "vmlinuz"],
    ["VMLINUZ", "vmlinuz"],
    ["InitRamFS", "initramfs.img"],
    ["initramfs.IMG", "initramfs.img"],
    ["board-4.DTB", "Board-4.dtb"],
  ] as const
) {
  Deno.test(`findArtifact() by ${name} is ${filename}`, () => {
    const found = findArtifact(stable, name);
    assert.ok(found.ok);
    assert.equal(found.value.artifact.filename, filename);
    assert.equal(found.value.name, `stable/arm64/${filename}`);
    assert.equal(found.value.served, stable);
  });
}

Deno.test("findArtifact() says which files there are", () => {
  assert.equal(
    reasonOf(findArtifact(testing, "initramfs")),
    'testing/x86_64 has no "initramfs"; it has manifest.json, kernel (vmlinuz-6.12)',
  );
});

Deno.test("findBlob() finds a file of any image, in either case", () => {
  const sha256 = testing.artifacts.get("kernel")?.sha256 ?? "";
  for (const hex of [sha256, sha256.toUpperCase()]) {
    const found = findBlob(catalog, hex);
    assert.ok(found.ok);
    assert.equal(found.value.name, "testing/x86_64/vmlinuz-6.12");
  }
  assert.match(reasonOf(findBlob(catalog, "0".repeat(64))), /^No artifact has/);
  assert.match(reasonOf(findBlob(catalog, "0".repeat(63))), /64 hex digits$/);
});
