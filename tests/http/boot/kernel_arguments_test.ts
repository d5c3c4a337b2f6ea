import assert from "node:assert/strict";
import {
  grubArguments,
  ipxeArguments,
} from "../../../lib/http/boot/kernel_arguments.ts";

for (
  const [cmdline, ipxe, grub] of [
    ["", "", ""],
    [
      "console=ttyAMA0  quiet ",
      "console=ttyAMA0 quiet",
      "'console=ttyAMA0' 'quiet'",
    ],
    ['a="b c" d', 'a="b c" d', "'a=b c' 'd'"],
    ["root=$x;y", "root=$x;y", "'root=$x;y'"],
  ] as const
) {
  Deno.test(`a cmdline of ${JSON.stringify(cmdline)} as arguments`, () => {
    assert.deepEqual(ipxeArguments(cmdline), { ok: true, value: ipxe });
    assert.deepEqual(grubArguments(cmdline), { ok: true, value: grub });
  });
}

for (
  const [cmdline, reason] of [
    ["a ${b}", 'it holds "${"'],
    ["a || b", 'it holds "||"'],
    ["a && b", 'it holds "&&"'],
    ["a ; b", 'it holds ";"'],
    ["a #b", 'it holds "#b"'],
    ["a\nb", "it holds characters other than printable ASCII"],
    ["a\u00e9", "it holds characters other than printable ASCII"],
  ] as const
) {
  Deno.test(`ipxeArguments() says what it cannot say in ${JSON.stringify(cmdline)}`, () => {
    assert.deepEqual(ipxeArguments(cmdline), { ok: false, reason });
  });
}

for (
  const [cmdline, reason] of [
    ["it's", "it holds it's"],
    ["a\\b", "it holds a\\b"],
    ['"', 'it holds "'],
    ["a\tb", "it holds characters other than printable ASCII"],
  ] as const
) {
  Deno.test(`grubArguments() says what it cannot say in ${JSON.stringify(cmdline)}`, () => {
    assert.deepEqual(grubArguments(cmdline), { ok: false, reason });
  });
}
