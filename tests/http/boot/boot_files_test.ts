import assert from "node:assert/strict";
import { bootFiles } from "../../../lib/http/boot/boot_files.ts";
import type { ServedImage } from "../../../lib/http/artifacts/image_catalog.ts";
import {
  imageOf,
  imageWithMicrocode,
  windowsImage,
} from "../../support/boot_scripts.ts";

function filesOf(image: ServedImage) {
  const files = bootFiles(image);
  assert.ok(files.ok);
  return files.value;
}

for (
  const [kernel, initramfs, kind] of [
    ["vmlinuz", undefined, "linux"],
    ["linux.efi", undefined, "efi"],
    ["LINUX.EFI", undefined, "efi"],
    ["linux.efi", "initrd.img", "linux"],
    ["wimboot", undefined, "wimboot"],
    ["x86/wimboot", undefined, "wimboot"],
    ["wimboot.old", undefined, "linux"],
  ] as const
) {
  Deno.test(`bootFiles() starts ${kernel} with ${initramfs} as ${kind}`, async () => {
    const image = await imageOf({
      kernel: [kernel, "a"],
      ...initramfs !== undefined && { initramfs: [initramfs, "b"] },
    });
    assert.equal(filesOf(image).kind, kind);
  });
}

Deno.test("bootFiles() has the initrds in the manifest's order", async () => {
  assert.deepEqual(
    filesOf(await imageWithMicrocode()).initrds.map(({ path }) => path),
    ["cpu/ucode.img", "initramfs"],
  );
});

Deno.test("bootFiles() gives wimboot what lies beside it and what it asks for", async () => {
  assert.deepEqual(
    filesOf(await windowsImage()).initrds.map(({ name, path }) => [name, path]),
    [
      ["bootmgr", "bootmgr"],
      ["winpeshl.ini", "winpeshl.ini"],
      ["bcd", "boot/bcd"],
      ["boot.sdi", "boot/boot.sdi"],
      ["boot.wim", "sources/boot.wim"],
    ],
  );
});

Deno.test("bootFiles() finds wimboot's files beside it, wherever that is", async () => {
  const image = await imageOf({
    kernel: ["x64/wimboot", "a"],
    "x64/winpeshl.ini": ["x64/winpeshl.ini", "b"],
    "readme.rtf": ["readme.rtf", "c"],
  });
  assert.deepEqual(
    filesOf(image).initrds.map(({ path }) => path),
    ["x64/winpeshl.ini"],
  );
});

Deno.test("bootFiles() has a device tree where there is one only", async () => {
  const kernel = { kernel: ["vmlinuz", "a"] } as const;
  const one = { ...kernel, "rk/a.dtb": ["rk/a.dtb", "b"] } as const;
  assert.equal(filesOf(await imageOf(kernel)).deviceTree, undefined);
  assert.equal(filesOf(await imageOf(one)).deviceTree?.path, "rk/a.dtb");
  assert.equal(
    filesOf(await imageOf({ ...one, "x.dtbo": ["x.dtbo", "c"] }))
      .deviceTree?.path,
    "rk/a.dtb",
  );
  assert.equal(
    filesOf(await imageOf({ ...one, "b.dtb": ["b.dtb", "c"] })).deviceTree,
    undefined,
  );
});

for (const name of ['a"b', "a b", "a$b", "a'b", "a\nb", "caf\u00e9", "a:b"]) {
  Deno.test(`bootFiles() refuses to write ${JSON.stringify(name)} into a script`, async () => {
    const image = await imageOf({
      kernel: ["vmlinuz", "a"],
      [`${name}.dtb`]: [`${name}.dtb`, "b"],
    });
    const files = bootFiles(image);
    assert.ok(!files.ok);
    assert.match(files.reason, /^stable\/arm64 boots with ".*: rename it$/);
  });
}

Deno.test("bootFiles() of no kernel says so", async () => {
  assert.deepEqual(bootFiles(await imageOf({})), {
    ok: false,
    reason: "stable/arm64 has no kernel",
  });
});
