import assert from "node:assert/strict";
import { parseImageFile } from "../../lib/config/image_file.ts";
import {
  byProducts,
  imageFile,
  initrdPaths,
} from "../../lib/fetch/by_products.ts";
import type {
  Artifact,
  BootManifest,
} from "../../lib/manifest/boot_manifest.ts";
import { FULL_MANIFEST, promised } from "../support/fetched_manifest.ts";

const bytes = new TextEncoder().encode("{}");
const manifestUrl = new URL("http://10.77.0.1:8080/stable/arm64/manifest.json");

function filesOf(
  { kernel, initramfs, rootfs, dtbs, files }: BootManifest,
): Artifact[] {
  return [kernel, initramfs, rootfs].flatMap((file) => file ?? [])
    .concat(dtbs, files);
}

function made(manifest: BootManifest, files = filesOf(manifest)) {
  const { extras, ...rest } = byProducts(
    { manifest, bytes, manifestUrl },
    files,
  );
  const texts = Object.fromEntries(
    extras.map((extra) => [
      extra.name,
      "bytes" in extra ? new TextDecoder().decode(extra.bytes) : extra.joined,
    ]),
  );
  return { texts, ...rest };
}

Deno.test("byProducts() are the manifest, the command line in two forms and the initrds in load order", () => {
  assert.deepEqual(made(FULL_MANIFEST), {
    texts: {
      "manifest.json": "{}",
      "cmdline": 'root={url}/rootfs q="a b" {mac}',
      "cmdline.resolved":
        'root=http://10.77.0.1:8080/stable/arm64/rootfs q="a b" {mac}',
      "initrd.kexec": ["ucode.img", "initrd.img"],
      "image.toml": [
        "# As the signed manifest.json has it.",
        'kernel = "vmlinuz"',
        'initramfs = ["ucode.img", "initrd.img"]',
        'rootfs = "rootfs.squashfs"',
        "",
      ].join("\n"),
    },
    initrd: "initrd.kexec",
    cmdline: "cmdline.resolved",
    warnings: [],
  });
});

Deno.test("byProducts() has a single initramfs under the same name, and none where part of it is not fetched", () => {
  const { files: _, ...plain } = FULL_MANIFEST;
  const single = { ...plain, files: [], initrds: [] };
  assert.deepEqual(made(single).texts["initrd.kexec"], ["initrd.img"]);
  const partly = made(FULL_MANIFEST, [
    promised("vmlinuz"),
    promised("ucode.img"),
  ]);
  assert.ok(!("initrd.kexec" in partly.texts));
  assert.ok(!("image.toml" in partly.texts), "it would name what is not there");
  assert.equal(partly.initrd, undefined);
  const { initramfs: __, ...bare } = single;
  assert.equal(made(bare).initrd, undefined);
  assert.deepEqual(initrdPaths(bare), []);
});

Deno.test("byProducts() of an image without a command line has empty ones", () => {
  const { cmdline: _, ...silent } = FULL_MANIFEST;
  const { texts } = made(silent);
  assert.equal(texts["cmdline"], "");
  assert.equal(texts["cmdline.resolved"], "");
});

Deno.test("byProducts() leaves a file of the image what it is", () => {
  const own = [
    promised("cmdline.resolved"),
    promised("initrd.kexec/readme"),
    promised("image.toml"),
  ];
  const manifest = {
    ...FULL_MANIFEST,
    files: [...FULL_MANIFEST.files, ...own],
  };
  const { texts, initrd, cmdline, warnings } = made(manifest);
  assert.deepEqual(Object.keys(texts), ["manifest.json", "cmdline"]);
  assert.equal(initrd, undefined);
  assert.equal(cmdline, undefined);
  assert.deepEqual(warnings, [
    "Not making cmdline.resolved: the image has its own",
    "Not making initrd.kexec: the image has its own",
    "Not making image.toml: the image has its own",
  ]);
});

Deno.test("byProducts() says what a command line asks for in vain", () => {
  const cmdline = "hash={sha256:rootfs} other={sha256:none}";
  const { texts, warnings } = made({ ...FULL_MANIFEST, cmdline });
  assert.equal(texts["cmdline.resolved"], cmdline);
  assert.deepEqual(warnings, [
    "The command line of the image stays as it is: it holds {sha256:none}, and the image has no such file",
  ]);
});

Deno.test("imageFile() names roles as the manifest has them, whatever the files are called", () => {
  const image = {
    kernel: promised("weird.bin"),
    initramfs: promised("main.img"),
    rootfs: promised("system.raw"),
    initrds: [],
  };
  const read = (given: Parameters<typeof imageFile>[0]) => {
    const file = imageFile(given);
    assert.ok("bytes" in file);
    return parseImageFile(new TextDecoder().decode(file.bytes), file.name);
  };
  const { kernel, rootfs } = { kernel: "weird.bin", rootfs: "system.raw" };
  assert.deepEqual(read(image), { kernel, initramfs: ["main.img"], rootfs });
  assert.deepEqual(
    read({ ...image, initrds: ["ucode.img", "main.img"] }),
    { kernel, initramfs: ["ucode.img", "main.img"], rootfs },
  );
  // Even where another file is called like one.
  assert.deepEqual(
    read({ kernel: image.kernel, initrds: [] }),
    { kernel, initramfs: [] },
  );
});
