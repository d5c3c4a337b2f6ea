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
    const { kernel, initramfs, rootfs } = artifactRoles([
      `vmlinuz.${ending}`,
      `vmlinuz-6.12.${ending}`,
      `initrd.${ending}`,
      `initramfs.img.${ending}`,
      `rootfs.squashfs.${ending}`,
    ]);
    assert.deepEqual({ kernel, initramfs, rootfs }, {
      kernel: undefined,
      initramfs: undefined,
      rootfs: undefined,
    });
  });
}

for (
  const [names, kernel] of [
    [["vmlinuz-6.12.old", "vmlinuz-6.9"], "vmlinuz-6.9"],
    [["vmlinuz-9.bak", "bzImage"], "bzImage"],
    [["vmlinuz-0-rescue-1f", "kernel"], "kernel"],
    [["vmlinuz-6.12.rpmsave"], "vmlinuz-6.12.rpmsave"],
    [["vmlinuz-6.12.dpkg-tmp", "Image"], "Image"],
    [["vmlinuz-6.orig", "vmlinuz"], "vmlinuz"],
    [["vmlinuz-6.12.0-rc7", "vmlinuz-6.12.0"], "vmlinuz-6.12.0"],
    [["vmlinuz-6.1.0-9", "vmlinuz-6.1.0-10"], "vmlinuz-6.1.0-10"],
    // One that can start beats a newer one that cannot.
    [["vmlinuz-6.12", "vmlinuz-6.1", "initrd.img-6.1"], "vmlinuz-6.1"],
    [["vmlinuz-6.12", "vmlinuz-6.1", "initrd.img"], "vmlinuz-6.12"],
    [["vmlinuz", "vmlinuz-6.1", "initrd.img-6.1"], "vmlinuz"],
    [
      ["vmlinuz-linux", "vmlinuz-linux-lts", "initramfs-linux-lts.img"],
      "vmlinuz-linux-lts",
    ],
    [["grubx64.efi", "shimx64.efi", "mmx64.efi", "BOOTX64.EFI"], undefined],
    [["ipxe.efi", "snponly.efi", "snp.efi", "linux.efi"], "linux.efi"],
    [["xen.gz"], undefined],
    [["xen.efi", "u-boot.itb"], undefined],
    [["kernel-modules-6.1.rpm", "kernel.txt"], undefined],
  ] as const
) {
  Deno.test(`artifactRoles() of ${names.join(", ")} takes ${kernel}`, () => {
    assert.equal(artifactRoles(names).kernel, kernel);
  });
}

for (
  const [names, initramfs] of [
    [["vmlinuz-6.12", "initrd.img-6.1"], undefined],
    [["vmlinuz-6.12", "initrd.img-6.1", "initrd.img"], "initrd.img"],
    [["vmlinuz-6.1", "initrd.img-6.12", "initrd.img-6.1"], "initrd.img-6.1"],
    [["vmlinuz", "initrd.img-6.1", "initrd.img-6.12"], "initrd.img-6.12"],
    [
      ["vmlinuz-6.12", "initramfs-6.12.img", "initramfs-6.12kdump.img"],
      "initramfs-6.12.img",
    ],
    [["vmlinuz", "intel-ucode.img"], undefined],
  ] as const
) {
  Deno.test(`artifactRoles() of ${names.join(", ")} takes ${initramfs}`, () => {
    assert.equal(artifactRoles(names).initramfs, initramfs);
  });
}

Deno.test("artifactRoles() says why a kernel has no initramfs although one is there", () => {
  const { choices } = artifactRoles(["vmlinuz-6.12", "initrd.img-6.1"]);
  assert.deepEqual(choices[1], {
    role: "initramfs",
    why: 'none has the same version as "vmlinuz-6.12"',
    passedOver: [{
      name: "initrd.img-6.1",
      why: 'has another version than "vmlinuz-6.12"',
      isDoubtful: true,
    }],
  });
});

Deno.test("artifactRoles() says of Xen that it is not what boots", () => {
  const { choices } = artifactRoles(["xen.gz", "vmlinuz", "initrd.img"]);
  assert.deepEqual(choices[0]?.passedOver, [
    { name: "xen.gz", why: "is a hypervisor", isDoubtful: false },
  ]);
});

Deno.test("artifactRoles() takes a kdump or fallback initramfs where there is no other", () => {
  const spare = ["initramfs-6.12kdump.img", "initramfs-linux-fallback.img"];
  assert.ok(artifactRoles(spare).initramfs !== undefined);
  const { initramfs } = artifactRoles([...spare, "initrd.img-6.1"]);
  assert.equal(initramfs, "initrd.img-6.1");
});

Deno.test("artifactRoles() keeps names that only look like such endings", () => {
  for (const name of ["vmlinuz-6.12-signed", "vmlinuz-asc", "vmlinuz-summer"]) {
    assert.equal(artifactRoles([name]).kernel, name);
  }
});
