import assert from "node:assert/strict";
import fc from "fast-check";
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
    ["{url} {x}", "{url} {x}", "'{url}' '{x}'"],
    [
      "if=01-{mac} {mac}",
      "if=01-${netX/mac} ${netX/mac}",
      `'if=01-'"$net_default_mac"'' ''"$net_default_mac"''`,
    ],
    ['a="b {mac}"', 'a="b ${netX/mac}"', `'a=b '"$net_default_mac"''`],
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
    ["a ${mac}", 'it holds "${"'],
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

/** What the loaders know of the machine. */
const MAC = "52:54:00:12:34:56";
/** Command lines that try to get out of their quotes, and ordinary ones. */
const cmdlines = fc.oneof(
  fc.string({ unit: "grapheme-ascii" }),
  fc.array(
    fc.constantFrom(
      ...["'", '"', "\\", "$", "{", "}", "{mac}", "${", "||", "&&", ";", "#"],
      ...["$net_default_mac", "${netX/mac}", " ", "a", "b=c", "\n", "`"],
    ),
  ).map((parts) => parts.join("")),
);

/** What iPXE makes of a line: variables first, then words. */
function readByIpxe(line: string): string[] {
  let text = line;
  while (true) {
    const variable = /\$\{([^${}]*)\}/.exec(text);
    if (variable === null) return text.split(/\s+/).filter((w) => w !== "");
    assert.equal(variable[1], "netX/mac");
    text = text.replace(variable[0], () => MAC);
  }
}

/**
 * What GRUB makes of a line: words of quoted pieces.
 *
 * @throws when anything but a blank stands outside of quotes
 */
function readByGrub(line: string): string[] {
  const words = [""];
  const pieces = /'([^']*)'|("\$net_default_mac")|( )|([^])/g;
  for (const [, text = "", mac, blank, bare] of line.matchAll(pieces)) {
    assert.equal(bare, undefined, `outside of quotes: ${line}`);
    if (blank) words.push("");
    else words.push(words.pop() + (mac ? MAC : text));
  }
  return words;
}

Deno.test("ipxeArguments() reach the kernel as they are, or are refused", () => {
  fc.assert(
    fc.property(cmdlines, (cmdline) => {
      const line = ipxeArguments(cmdline);
      if (!line.ok) return;
      const words = readByIpxe(line.value);
      const said = cmdline.replaceAll("{mac}", MAC);
      assert.deepEqual(words, said.split(" ").filter((word) => word !== ""));
      assert.ok(
        !words.some((word) => /^(\|\||&&|;|#.*)$/.test(word)),
        line.value,
      );
    }),
    { numRuns: 2000 },
  );
});

Deno.test("grubArguments() reach the kernel as they are, or are refused", () => {
  fc.assert(
    fc.property(cmdlines, (cmdline) => {
      const line = grubArguments(cmdline);
      if (!line.ok) return;
      const said = cmdline.replaceAll("{mac}", MAC).replaceAll('"', "");
      assert.equal(
        readByGrub(line.value).join(" ").replaceAll(/ +/g, " ").trim(),
        said.replaceAll(/ +/g, " ").trim(),
      );
    }),
    { numRuns: 2000 },
  );
});
