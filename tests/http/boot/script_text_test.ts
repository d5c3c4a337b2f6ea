import assert from "node:assert/strict";
import fc from "fast-check";
import { grubConfig } from "../../../lib/http/boot/grub.ts";
import { ipxeScript } from "../../../lib/http/boot/ipxe.ts";
import {
  lines,
  menuParts,
  servedNames,
  word,
} from "../../../lib/http/boot/script_text.ts";
import type { BootChoice } from "../../../lib/machines/machine_rows.ts";
import { CLIENT, stableImage } from "../../support/boot_scripts.ts";

Deno.test("word() is one harmless word, whatever a version holds", () => {
  fc.assert(fc.property(fc.string(), (version) => {
    assert.match(word(version), /^[A-Za-z0-9.+:~_-]{0,64}$/);
  }));
  assert.equal(word("2026.11.22"), "2026.11.22");
});

Deno.test("lines() ends every line", () => {
  assert.equal(lines("a", "b"), "a\nb\n");
});

Deno.test("servedNames() lists what there is", () => {
  const image = { channel: "stable", arch: "arm64" };
  assert.equal(
    servedNames([{ image }, { image }]),
    "served: stable/arm64, stable/arm64",
  );
  assert.equal(servedNames([]), "served: nothing yet");
});

Deno.test("menuParts() has a machine's channel first, or alone, or all where it is not here", () => {
  const of = (channel: string) => ({ image: { channel, arch: "arm64" } });
  const images = [of("stable"), of("testing")];
  const channels = (choice: BootChoice) =>
    menuParts(images, choice).images.map(({ image }) => image.channel);
  assert.deepEqual(channels({ kind: "menu" }), ["stable", "testing"]);
  assert.deepEqual(channels({ kind: "menu", channel: "testing" }), [
    "testing",
    "stable",
  ]);
  assert.deepEqual(channels({ kind: "local" }), ["stable", "testing"]);
  assert.deepEqual(
    menuParts(images, { kind: "network", channel: "testing", arch: "arm64" }),
    {
      images: [of("testing")],
      only: { channel: "testing", arch: "arm64" },
    },
  );
  assert.deepEqual(menuParts(images, { kind: "network", channel: "beta" }), {
    images,
    problem:
      "Channel beta of this machine is not here; served: stable/arm64, testing/arm64",
  });
});

for (
  const [loader, make, cmdlines] of [
    ["GRUB", grubConfig, [
      "quiet\n}",
      "caf\u00e9",
      "it's",
      "a\\b",
      'a"b',
      "{sha256:x}",
    ]],
    ["iPXE", ipxeScript, [
      "quiet\nshell",
      "quiet\r\nshell",
      "quiet\tsplash",
      "caf\u00e9",
      "a ${b}",
      "a || b",
      "a && b",
      "a ; b",
      "a #b",
      "a {sha256:rootfs}",
    ]],
  ] as const
) {
  for (const cmdline of cmdlines) {
    Deno.test(`${make.name}() refuses cmdline ${JSON.stringify(cmdline)}`, async () => {
      const script = make({ ...await stableImage(), cmdline }, CLIENT);
      assert.ok(!script.ok);
      const says = new RegExp(`^The cmdline of stable/arm64 .* ${loader}: it`);
      assert.match(script.reason, says);
    });
  }
}
