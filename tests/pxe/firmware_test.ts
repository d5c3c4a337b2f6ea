import assert from "node:assert/strict";
import { firmwareOf } from "../../lib/pxe/firmware.ts";
import { formatFirmware } from "../../lib/pxe/loaders.ts";

Deno.test("firmware is told by the architecture type of IANA", () => {
  const rows: readonly [number, string, "TFTP" | "HTTP"][] = [
    [0, "BIOS x86_64", "TFTP"],
    [7, "UEFI x86_64", "TFTP"],
    [9, "UEFI x86_64", "TFTP"],
    [11, "UEFI arm64", "TFTP"],
    [16, "UEFI x86_64", "HTTP"],
    [19, "UEFI arm64", "HTTP"],
    [20, "BIOS x86_64", "HTTP"],
  ];
  for (const [type, text, transport] of rows) {
    const firmware = firmwareOf(type);
    assert.ok(firmware, `type ${type}`);
    assert.equal(formatFirmware(firmware), text);
    assert.equal(firmware.transport, transport);
  }
});

Deno.test("a type that nobody can boot here is none", () => {
  for (const type of [1, 2, 41, 65_535, -1]) {
    assert.equal(firmwareOf(type), undefined);
  }
});
