import assert from "node:assert/strict";
import { scanDocument, scanText } from "../../lib/cli/scan_report.ts";
import { scanAvailable } from "../../lib/scan/scan_available.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const { signal } = new AbortController();
const X86 = "/srv/stable/x86_64";

function scan() {
  const fs = new MemoryFileSystem()
    .file(`${X86}/xen.gz`).file(`${X86}/vmlinuz-6.12`)
    .file(`${X86}/vmlinuz-6.1`).file(`${X86}/initrd.img-6.1`)
    .file(`${X86}/intel-ucode.img`).file(`${X86}/dtbs/a.dtb`)
    .file("/srv/stable/arm64/foo.bin");
  return scanAvailable(
    {
      artifactsDir: "/srv",
      channels: ["stable", "typo"],
      architectures: ["x86_64", "arm64"],
      channelSettings: new Map([["typo", { artifactsDir: "/srv/tpyo" }]]),
    },
    fs,
    { signal },
  );
}

Deno.test("scanText() says which file plays which role, why, and what was passed over", async () => {
  assert.deepEqual(scanText(await scan()), [
    `available  stable/x86_64  ${X86}/vmlinuz-6.1`,
    '  kernel     vmlinuz-6.1 (by its name, with "initrd.img-6.1")',
    '             not vmlinuz-6.12: it is passed over for "vmlinuz-6.1"',
    "             not xen.gz: it is a hypervisor",
    '  initramfs  initrd.img-6.1 (same version as "vmlinuz-6.1")',
    "  rootfs     none: no file is named like one",
    "  initrds    intel-ucode.img, initrd.img-6.1",
    "  dtbs       dtbs/a.dtb",
    "  files      intel-ucode.img, vmlinuz-6.12, xen.gz",
    "missing    stable/arm64  /srv/stable/arm64",
    "  holds      foo.bin",
    "  no file is named like a kernel; this image.toml may make it an image:",
    '    kernel = "foo.bin"',
    "missing    typo/x86_64  /srv/tpyo/x86_64",
    "missing    typo/arm64  /srv/tpyo/arm64",
  ]);
});

Deno.test("scanDocument() says the same", async () => {
  const { available, missing, warnings } = JSON.parse(
    JSON.stringify(scanDocument(await scan())),
  );
  assert.equal(available[0].roles[0].file, "vmlinuz-6.1");
  assert.deepEqual(available[0].roles[0].passed_over[1], {
    file: "xen.gz",
    why: "is a hypervisor",
  });
  assert.deepEqual(available[0].initrds, ["intel-ucode.img", "initrd.img-6.1"]);
  assert.deepEqual(missing[0], {
    channel: "stable",
    arch: "arm64",
    directory: "/srv/stable/arm64",
    holds: ["foo.bin"],
    files: 1,
    image_toml: ['kernel = "foo.bin"'],
  });
  assert.ok(
    warnings.some((w: string) =>
      /"\/srv\/tpyo", the artifacts_dir of channel typo: there is no such/
        .test(w)
    ),
  );
});
