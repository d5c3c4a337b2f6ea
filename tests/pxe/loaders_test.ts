import assert from "node:assert/strict";
import {
  type Firmware,
  formatFirmware,
  loaderFor,
  loaderReport,
} from "../../lib/pxe/loaders.ts";

const BIOS: Firmware = { kind: "BIOS", arch: "x86_64" };
const UEFI: Firmware = { kind: "UEFI", arch: "x86_64" };
const ARM: Firmware = { kind: "UEFI", arch: "arm64" };

/** What packages of iPXE have, as their lists of files say. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "Debian 12": ["ipxe.pxe", "snponly.efi", "undionly.kkpxe", "undionly.kpxe"],
  "Debian 13": [
    "ipxe-amd64.efi",
    "ipxe-arm64.efi",
    "ipxe.efi",
    "ipxe.pxe",
    "snponly.efi",
    "undionly.kpxe",
  ],
  Fedora: [
    "arm64-efi/ipxe.efi",
    "arm64-efi/snponly.efi",
    "ipxe-snponly-x86_64.efi",
    "ipxe-x86_64.efi",
    "undionly.kpxe",
  ],
};

Deno.test("loaderFor() finds what distributions have, the firmware's own driver first", () => {
  const found = Object.entries(PACKAGES).map(([name, files]) => [
    name,
    ...[BIOS, UEFI, ARM].map((firmware) => {
      const loader = loaderFor(firmware, new Set(files), {});
      return loader.ok ? loader.value : undefined;
    }),
  ]);
  assert.deepEqual(found, [
    ["Debian 12", "undionly.kpxe", "snponly.efi", undefined],
    ["Debian 13", "undionly.kpxe", "snponly.efi", "ipxe-arm64.efi"],
    [
      "Fedora",
      "undionly.kpxe",
      "ipxe-snponly-x86_64.efi",
      "arm64-efi/snponly.efi",
    ],
  ]);
});

Deno.test("loaderFor() takes what the operator has chosen, or nothing", () => {
  const available = new Set(["undionly.kpxe", "core.0", "mine/a.efi"]);
  const chosen = { bios: "core.0", x86_64: "mine/a.efi", arm64: "b.efi" };
  assert.deepEqual(loaderFor(BIOS, available, chosen), {
    ok: true,
    value: "core.0",
  });
  assert.deepEqual(loaderFor(UEFI, available, chosen), {
    ok: true,
    value: "mine/a.efi",
  });
  assert.deepEqual(loaderFor(ARM, available, chosen), {
    ok: false,
    reason:
      "no boot loader for UEFI arm64: put b.efi into the directory of loaders, or name another as arm64_loader in [pxe]",
  });
});

Deno.test("loaderFor() finds loaders for other processors by the name that Debian gives them", () => {
  const riscv: Firmware = { kind: "UEFI", arch: "riscv64" };
  const name = "ipxe-riscv64.efi";
  assert.deepEqual(loaderFor(riscv, new Set(["ipxe.efi", name]), {}), {
    ok: true,
    value: name,
  });
  assert.deepEqual(loaderFor(riscv, new Set(["ipxe.efi"]), {}), {
    ok: false,
    reason:
      "no boot loader for UEFI riscv64: put ipxe-riscv64.efi into the directory of loaders",
  });
});

Deno.test("loaderReport() names what is found, and what is missing for the images", () => {
  const available = new Set(["undionly.kpxe", "snponly.efi"]);
  assert.deepEqual(loaderReport(new Set(["x86_64"]), available, {}), {
    found: "Boot loaders: BIOS x86_64 undionly.kpxe, UEFI x86_64 snponly.efi",
    missing: [],
  });
  const { found, missing } = loaderReport(
    new Set(["arm64", "riscv64"]),
    available,
    {},
  );
  assert.equal(found, undefined);
  assert.equal(missing.length, 2);
  assert.match(
    missing[0] ?? "",
    /^No boot loader for UEFI arm64: put arm64-efi/,
  );
});

Deno.test("formatFirmware() is how people name it", () => {
  assert.deepEqual([BIOS, ARM].map(formatFirmware), [
    "BIOS x86_64",
    "UEFI arm64",
  ]);
});
