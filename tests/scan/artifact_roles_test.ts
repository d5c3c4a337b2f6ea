import assert from "node:assert/strict";
import { artifactRoles } from "../../lib/scan/artifact_roles.ts";

const ENDINGS = [
  ..."sig asc gpg minisig sha sha1 sha256 sha256sum sha512 md5 md5sum".split(
    " ",
  ),
  ..."sum hmac manifest zsync torrent verity roothash SIG Sha256".split(" "),
  ..."sig.bak sha256.old sha256.asc".split(" "),
];

for (const ending of ENDINGS) {
  Deno.test(`artifactRoles() gives a file that ends in .${ending} no role, whatever else is there`, () => {
    const roles = artifactRoles([
      `vmlinuz.${ending}`,
      `vmlinuz-6.12.${ending}`,
      `initrd.${ending}`,
      `initramfs.img.${ending}`,
      `rootfs.squashfs.${ending}`,
      `board.dtb.${ending}`,
    ]);
    assert.deepEqual(roles, {
      kernel: [],
      initramfs: [],
      rootfs: [],
      dtbs: [],
      ignored: [],
    });
  });
}

for (
  const [names, kernel] of [
    [["vmlinuz-6.12.old", "vmlinuz-6.9"], ["vmlinuz-6.9", "vmlinuz-6.12.old"]],
    [["vmlinuz-9.bak", "bzImage"], ["bzImage", "vmlinuz-9.bak"]],
    [["vmlinuz-0-rescue-1f", "kernel"], ["kernel", "vmlinuz-0-rescue-1f"]],
    [["vmlinuz-6.12.rpmsave"], ["vmlinuz-6.12.rpmsave"]],
    [["vmlinuz-6.12.dpkg-tmp", "Image"], ["Image", "vmlinuz-6.12.dpkg-tmp"]],
    [["vmlinuz-6.orig", "vmlinuz"], ["vmlinuz", "vmlinuz-6.orig"]],
  ] as const
) {
  Deno.test(`artifactRoles() of ${names.join(", ")} takes ${kernel[0]} first`, () => {
    assert.deepEqual(artifactRoles(names).kernel, kernel);
  });
}

Deno.test("artifactRoles() takes a kdump or fallback initramfs where there is no other", () => {
  const spare = ["initramfs-6.12kdump.img", "initramfs-linux-fallback.img"];
  assert.equal(artifactRoles(spare).initramfs.length, 2);
  const { initramfs } = artifactRoles([...spare, "initrd.img-6.1"]);
  assert.equal(initramfs[0], "initrd.img-6.1");
});

Deno.test("artifactRoles() keeps names that only look like such endings", () => {
  for (const name of ["vmlinuz-6.12-signed", "vmlinuz-asc", "vmlinuz-summer"]) {
    assert.deepEqual(artifactRoles([name]).kernel, [name]);
  }
});
