import assert from "node:assert/strict";
import { fileToFetch, wantedFiles } from "../../lib/fetch/wanted_files.ts";
import { FULL_MANIFEST, promised } from "../support/fetched_manifest.ts";

function paths(...names: string[]): string[] {
  const wanted = wantedFiles(FULL_MANIFEST, names);
  assert.ok(wanted.ok, wanted.ok ? "" : wanted.reason);
  return wanted.value.map(({ artifact, role }) =>
    `${role} ${artifact.filename}`
  );
}

Deno.test("wantedFiles() are all unless some are named, each with its role", () => {
  assert.deepEqual(paths(), [
    "kernel vmlinuz",
    "initramfs initrd.img",
    "rootfs rootfs.squashfs",
    "dtb dtbs/a.dtb",
    "dtb dtbs/b.dtb",
    "file kernel",
    "file notes.txt",
    "initramfs ucode.img",
  ]);
});

Deno.test("wantedFiles() takes roles and paths, each file once", () => {
  assert.deepEqual(paths("notes.txt", "kernel", "vmlinuz", "kernel"), [
    "kernel vmlinuz",
    "file notes.txt",
  ]);
  assert.deepEqual(paths("dtbs"), ["dtb dtbs/a.dtb", "dtb dtbs/b.dtb"]);
  assert.deepEqual(paths("dtbs/b.dtb"), ["dtb dtbs/b.dtb"]);
  // A file that is called like a role.
  assert.deepEqual(paths("./kernel"), ["file kernel"]);
});

Deno.test("wantedFiles() of initramfs has what is loaded before it, too", () => {
  assert.deepEqual(paths("initramfs"), [
    "initramfs initrd.img",
    "initramfs ucode.img",
  ]);
  assert.deepEqual(paths("initrd.img"), ["initramfs initrd.img"]);
});

Deno.test("wantedFiles() says what an image has, where it has not what is wanted", () => {
  const { rootfs: _, initramfs: __, ...bare } = {
    ...FULL_MANIFEST,
    dtbs: [],
    initrds: [],
  };
  for (const name of ["rootfs", "initramfs", "dtbs", "x\x1b[2J"]) {
    const wanted = wantedFiles(bare, ["kernel", name]);
    assert.ok(!wanted.ok);
    assert.equal(
      wanted.reason,
      `the image has no "${
        name.replace("\x1b", "?")
      }"; it has kernel (vmlinuz), ./kernel (kernel), notes.txt, ucode.img`,
    );
  }
  const many = Array.from({ length: 30 }, (_, i) => ({
    ...FULL_MANIFEST.kernel,
    filename: `f${i}`,
  }));
  const wanted = wantedFiles({ ...FULL_MANIFEST, files: many }, ["none"]);
  assert.ok(!wanted.ok);
  assert.match(wanted.reason, / f14, 15 more$/);
});

Deno.test("fileToFetch() has all that a manifest promises of a file", () => {
  const pieces = { sizeBytes: 1 << 22, sha256: "b".repeat(64) };
  const { filename: path, ...rest } = promised("dtbs/a.dtb");
  assert.deepEqual(fileToFetch({ filename: path, ...rest, pieces }), {
    ...{ path, ...rest, pieces },
  });
  assert.deepEqual(fileToFetch(promised("vmlinuz")).urls, ["vmlinuz"]);
});
