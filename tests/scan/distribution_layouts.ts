/** What one distribution puts into an image directory, and what it becomes. */
export interface DistributionLayout {
  /** Files, by path. */
  readonly files: readonly string[];
  /** Undefined: no kernel is to be found by name. */
  readonly kernel?: string;
  /** In load order. */
  readonly initramfs?: readonly string[];
  readonly rootfs?: string;
}

const FCOS = "fedora-coreos-43.20260202.3.1-live-";

/** Names as the download pages and netboot trees have them. */
export const DISTRIBUTION_LAYOUTS: Readonly<
  Record<string, DistributionLayout>
> = {
  "Fedora CoreOS": {
    files: [
      `${FCOS}kernel.x86_64`,
      `${FCOS}kernel.x86_64.sig`,
      `${FCOS}initramfs.x86_64.img`,
      `${FCOS}rootfs.x86_64.img`,
    ],
    kernel: `${FCOS}kernel.x86_64`,
    initramfs: [`${FCOS}initramfs.x86_64.img`],
    rootfs: `${FCOS}rootfs.x86_64.img`,
  },
  Flatcar: {
    files: [
      "flatcar_production_pxe.vmlinuz",
      "flatcar_production_pxe.vmlinuz.sig",
      "flatcar_production_pxe_image.cpio.gz",
    ],
    kernel: "flatcar_production_pxe.vmlinuz",
    initramfs: ["flatcar_production_pxe_image.cpio.gz"],
  },
  "Talos arm64": {
    files: ["kernel-arm64", "initramfs-arm64.xz"],
    kernel: "kernel-arm64",
    initramfs: ["initramfs-arm64.xz"],
  },
  "Talos x86_64": {
    files: ["vmlinuz-amd64", "initramfs-amd64.xz"],
    kernel: "vmlinuz-amd64",
    initramfs: ["initramfs-amd64.xz"],
  },
  "Debian and Ubuntu netboot": {
    files: ["linux", "initrd.gz"],
    kernel: "linux",
    initramfs: ["initrd.gz"],
  },
  "Debian /boot": {
    files: [
      "vmlinuz-6.1.0-9-amd64",
      "initrd.img-6.1.0-9-amd64",
      "vmlinuz-6.1.0-9-amd64.old",
      "System.map-6.1.0-9-amd64",
      "config-6.1.0-9-amd64",
    ],
    kernel: "vmlinuz-6.1.0-9-amd64",
    initramfs: ["initrd.img-6.1.0-9-amd64"],
  },
  "Debian /boot with an older kernel": {
    files: [
      "vmlinuz-6.1.0-9-amd64",
      "initrd.img-6.1.0-9-amd64",
      "vmlinuz-6.1.0-10-amd64",
      "initrd.img-6.1.0-10-amd64",
    ],
    kernel: "vmlinuz-6.1.0-10-amd64",
    initramfs: ["initrd.img-6.1.0-10-amd64"],
  },
  "Ubuntu MAAS": {
    files: [
      "vmlinuz",
      "initrd",
      "filesystem.squashfs",
      "filesystem.squashfs.gpg",
    ],
    kernel: "vmlinuz",
    initramfs: ["initrd"],
    rootfs: "filesystem.squashfs",
  },
  "Ubuntu casper": {
    files: [
      "vmlinuz",
      "initrd",
      "filesystem.manifest",
      "minimal.squashfs",
      "minimal.standard.live.squashfs",
      "minimal.squashfs.gpg",
    ],
    kernel: "vmlinuz",
    initramfs: ["initrd"],
    rootfs: "minimal.standard.live.squashfs",
  },
  Alpine: {
    files: ["vmlinuz-lts", "initramfs-lts", "modloop-lts"],
    kernel: "vmlinuz-lts",
    initramfs: ["initramfs-lts"],
    rootfs: "modloop-lts",
  },
  "Alpine of two flavours": {
    files: [
      "vmlinuz-lts",
      "initramfs-lts",
      "modloop-lts",
      "vmlinuz-virt",
      "initramfs-virt",
      "modloop-virt",
    ],
    kernel: "vmlinuz-virt",
    initramfs: ["initramfs-virt"],
    rootfs: "modloop-virt",
  },
  NixOS: {
    files: ["bzImage", "initrd", "netboot.ipxe"],
    kernel: "bzImage",
    initramfs: ["initrd"],
  },
  "Raspberry Pi": {
    files: [
      "kernel8.img",
      "initramfs8",
      "kernel_2712.img",
      "initramfs_2712",
      "config.txt",
      "cmdline.txt",
      "start4.elf",
      "fixup4.dat",
      "bcm2711-rpi-4-b.dtb",
      "overlays/vc4-kms-v3d.dtbo",
    ],
    kernel: "kernel8.img",
    initramfs: ["initramfs8"],
  },
  "unified kernel image": { files: ["linux.efi"], kernel: "linux.efi" },
  microcode: {
    files: ["vmlinuz", "intel-ucode.img", "amd-ucode.img", "initrd.img"],
    kernel: "vmlinuz",
    initramfs: ["intel-ucode.img", "amd-ucode.img", "initrd.img"],
  },
  "netboot.xyz": {
    files: ["vmlinuz", "vmlinuz.sig", "initrd", "initrd.sig"],
    kernel: "vmlinuz",
    initramfs: ["initrd"],
  },
  Xen: {
    files: ["xen.gz", "vmlinuz", "initrd.img"],
    kernel: "vmlinuz",
    initramfs: ["initrd.img"],
  },
  "FIT image": { files: ["fitImage"], kernel: "fitImage" },
  "device trees by vendor": {
    files: ["vmlinuz", "dtbs/rockchip/rk3588.dtb"],
    kernel: "vmlinuz",
  },
  "checksums and signatures": {
    files: [
      "vmlinuz-6.12",
      "vmlinuz-6.12.sig",
      "initrd.img",
      "initrd.img.sig",
      "rootfs.squashfs",
      "rootfs.squashfs.sha256",
      "SHA256SUMS",
    ],
    kernel: "vmlinuz-6.12",
    initramfs: ["initrd.img"],
    rootfs: "rootfs.squashfs",
  },
  "Arch Linux netboot": {
    files: [
      "vmlinuz-linux",
      "vmlinuz-linux.ipxe.sig",
      "initramfs-linux.img",
      "amd-ucode.img",
      "intel-ucode.img",
      "airootfs.sfs",
      "airootfs.sfs.cms.sig",
      "airootfs.sha512",
    ],
    kernel: "vmlinuz-linux",
    initramfs: ["intel-ucode.img", "amd-ucode.img", "initramfs-linux.img"],
    rootfs: "airootfs.sfs",
  },
  "Arch Linux /boot": {
    files: [
      "vmlinuz-linux",
      "initramfs-linux.img",
      "initramfs-linux-fallback.img",
    ],
    kernel: "vmlinuz-linux",
    initramfs: ["initramfs-linux.img"],
  },
  "Fedora and RHEL pxeboot": {
    files: ["vmlinuz", "initrd.img", "squashfs.img", "TRANS.TBL"],
    kernel: "vmlinuz",
    initramfs: ["initrd.img"],
    rootfs: "squashfs.img",
  },
  "Fedora /boot": {
    files: [
      "vmlinuz-6.12.0-1.fc41.x86_64",
      ".vmlinuz-6.12.0-1.fc41.x86_64.hmac",
      "vmlinuz-0-rescue-0123456789abcdef0123456789abcdef",
      "initramfs-6.12.0-1.fc41.x86_64.img",
      "initramfs-6.12.0-1.fc41.x86_64kdump.img",
      "initramfs-0-rescue-0123456789abcdef0123456789abcdef.img",
      "symvers-6.12.0-1.fc41.x86_64.xz",
    ],
    kernel: "vmlinuz-6.12.0-1.fc41.x86_64",
    initramfs: ["initramfs-6.12.0-1.fc41.x86_64.img"],
  },
  "openSUSE installer": {
    files: ["linux", "initrd", "message", "bootlogo"],
    kernel: "linux",
    initramfs: ["initrd"],
  },
  "Debian live, Kali, Grml": {
    files: [
      "vmlinuz-6.12.5-amd64",
      "initrd.img-6.12.5-amd64",
      "filesystem.squashfs",
      "filesystem.packages",
    ],
    kernel: "vmlinuz-6.12.5-amd64",
    initramfs: ["initrd.img-6.12.5-amd64"],
    rootfs: "filesystem.squashfs",
  },
  "Proxmox VE": {
    files: ["linux26", "initrd.img", "pve-base.squashfs"],
    kernel: "linux26",
    initramfs: ["initrd.img"],
    rootfs: "pve-base.squashfs",
  },
  Void: {
    files: ["vmlinuz-6.6.52_1", "initrd-6.6.52_1", "rootfs.squashfs"],
    kernel: "vmlinuz-6.6.52_1",
    initramfs: ["initrd-6.6.52_1"],
    rootfs: "rootfs.squashfs",
  },
  Gentoo: {
    files: ["gentoo", "gentoo.igz", "System-gentoo.map", "image.squashfs"],
    kernel: "gentoo",
    initramfs: ["gentoo.igz"],
    rootfs: "image.squashfs",
  },
  Slackware: {
    files: ["bzImage", "initrd.img", "config", "System.map.gz"],
    kernel: "bzImage",
    initramfs: ["initrd.img"],
  },
  "Tiny Core": {
    files: ["vmlinuz64", "corepure64.gz"],
    kernel: "vmlinuz64",
    initramfs: ["corepure64.gz"],
  },
  "Clonezilla and GParted Live": {
    files: [
      "vmlinuz",
      "initrd.img",
      "filesystem.squashfs",
      "Clonezilla-Live-Version",
    ],
    kernel: "vmlinuz",
    initramfs: ["initrd.img"],
    rootfs: "filesystem.squashfs",
  },
  SystemRescue: {
    files: [
      "vmlinuz",
      "sysresccd.img",
      "intel_ucode.img",
      "amd_ucode.img",
      "airootfs.sfs",
      "airootfs.sha512",
      "initrd.img",
    ],
    kernel: "vmlinuz",
    initramfs: ["intel_ucode.img", "amd_ucode.img", "initrd.img"],
    rootfs: "airootfs.sfs",
  },
  "k3OS": {
    files: [
      "k3os-vmlinuz-amd64",
      "k3os-initrd-amd64",
      "k3os-kernel-amd64.squashfs",
    ],
    initramfs: ["k3os-initrd-amd64"],
    rootfs: "k3os-kernel-amd64.squashfs",
    kernel: "k3os-vmlinuz-amd64",
  },
  Harvester: {
    files: [
      "harvester-v1.4.0-vmlinuz-amd64",
      "harvester-v1.4.0-initrd-amd64",
      "harvester-v1.4.0-rootfs-amd64.squashfs",
      "harvester-v1.4.0-amd64.iso",
    ],
    kernel: "harvester-v1.4.0-vmlinuz-amd64",
    initramfs: ["harvester-v1.4.0-initrd-amd64"],
    rootfs: "harvester-v1.4.0-rootfs-amd64.squashfs",
  },
  "OpenWrt with a kernel and initramfs in one": {
    files: [
      "openwrt-23.05.5-ath79-generic-tplink_archer-c7-v2-initramfs-kernel.bin",
      "sha256sums",
    ],
    kernel:
      "openwrt-23.05.5-ath79-generic-tplink_archer-c7-v2-initramfs-kernel.bin",
  },
  "OpenWrt FIT": {
    files: [
      "openwrt-23.05.5-mediatek-filogic-bananapi_bpi-r3-initramfs-recovery.itb",
    ],
    kernel:
      "openwrt-23.05.5-mediatek-filogic-bananapi_bpi-r3-initramfs-recovery.itb",
  },
  Yocto: {
    files: [
      "Image",
      "Image--6.6.23-r0-qemuarm64.bin",
      "core-image-minimal-qemuarm64.rootfs.cpio.gz",
      "core-image-minimal-qemuarm64.rootfs.manifest",
      "modules-qemuarm64.tgz",
    ],
    kernel: "Image",
    initramfs: ["core-image-minimal-qemuarm64.rootfs.cpio.gz"],
  },
  Buildroot: {
    files: ["bzImage", "rootfs.cpio.gz", "rootfs.tar"],
    kernel: "bzImage",
    initramfs: ["rootfs.cpio.gz"],
    rootfs: "rootfs.tar",
  },
  "U-Boot": {
    files: ["uImage", "uInitrd", "sun8i-h3-orangepi-one.dtb"],
    kernel: "uImage",
    initramfs: ["uInitrd"],
  },
  "Windows PE": {
    files: ["wimboot", "BCD", "boot.sdi", "boot.wim"],
    kernel: "wimboot",
  },
  "Memtest86+": {
    files: ["memtest64.bin", "memtest64.efi"],
    kernel: "memtest64.efi",
  },
  mkosi: {
    files: ["image.vmlinuz", "image.initrd", "image.efi", "image.raw.xz"],
    kernel: "image.vmlinuz",
    initramfs: ["image.initrd"],
  },
  "mkosi of a unified kernel image": {
    files: ["image.efi", "image.raw.xz", "image.SHA256SUMS"],
    kernel: "image.efi",
  },
  "Photon OS": {
    files: ["vmlinuz", "initrd.img"],
    kernel: "vmlinuz",
    initramfs: ["initrd.img"],
  },
  "Arch ISO as it is mounted": {
    files: [
      "arch/boot/x86_64/vmlinuz-linux",
      "arch/boot/x86_64/initramfs-linux.img",
      "arch/x86_64/airootfs.sfs",
    ],
  },
  "boot loaders alone": {
    files: ["grubx64.efi", "shimx64.efi", "ipxe.efi", "undionly.kpxe"],
  },
  FreeBSD: { files: ["boot/loader.efi", "boot/kernel/kernel.bin"] },
  ESXi: { files: ["mboot.efi", "boot.cfg", "b.b00", "s.v00"] },
};
