import assert from "node:assert/strict";
import fc from "fast-check";
import { filledCmdline } from "../../../lib/http/boot/placeholders.ts";
import { imageOf, PROVIDER_URL } from "../../support/boot_scripts.ts";

const image = await imageOf({
  kernel: ["vmlinuz", "a"],
  rootfs: ["root.squashfs", "b"],
  "live/extra.sfs": ["live/extra.sfs", "c"],
});
const URL_HERE = `${PROVIDER_URL}/stable/arm64`;

for (
  const [cmdline, filled] of [
    [undefined, ""],
    ["quiet", "quiet"],
    ["root={url}/rootfs {url}", `root=${URL_HERE}/rootfs ${URL_HERE}`],
    ["sum={sha256:rootfs}", `sum=${"b".repeat(64)}`],
    ["sum={sha256:root.squashfs}", `sum=${"b".repeat(64)}`],
    ["sum={sha256:live/extra.sfs}", `sum=${"c".repeat(64)}`],
    ["{mac} {URL} {sha256:} {} {a:b} {", "{mac} {URL} {sha256:} {} {a:b} {"],
    ["{{url}}", `{${URL_HERE}}`],
  ] as const
) {
  Deno.test(`filledCmdline() of ${JSON.stringify(cmdline)}`, () => {
    const { cmdline: _, ...bare } = image;
    assert.deepEqual(
      filledCmdline(
        cmdline === undefined ? bare : { ...bare, cmdline },
        PROVIDER_URL,
      ),
      { ok: true, value: filled },
    );
  });
}

Deno.test("filledCmdline() says which file there is none of", () => {
  assert.deepEqual(
    filledCmdline(
      { ...image, cmdline: "{sha256:rootfs} {sha256:initramfs}" },
      PROVIDER_URL,
    ),
    {
      ok: false,
      reason: "it holds {sha256:initramfs}, and the image has no such file",
    },
  );
});

Deno.test("filledCmdline() leaves everything else as it is", () => {
  const texts = fc.string().filter((text) => !/\{(url|sha256:)/.test(text));
  fc.assert(fc.property(texts, (cmdline) => {
    assert.deepEqual(
      filledCmdline({ ...image, cmdline }, PROVIDER_URL),
      { ok: true, value: cmdline },
    );
  }));
});
