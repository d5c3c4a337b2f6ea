/** The parts that a file can play in a boot. */
export type NamedRole = "kernel" | "initramfs" | "rootfs";

/** A name, or a pattern that a name must match from start to end. */
type NamePattern = string | RegExp;

/**
 * The names that distributions and build systems give the files of an image,
 * best first for each role. A name belongs to the first role that lists it.
 */
const ROLE_NAMES: Readonly<Record<NamedRole, readonly NamePattern[]>> = {
  kernel: [
    "vmlinuz",
    // Debian, Fedora, Arch, Alpine; vmlinuz64 is TinyCore's.
    /vmlinuz[-._0-9].*/,
    // Flatcar, mkosi.
    /.+\.vmlinuz/,
    // k3OS, Harvester.
    /.+[-_]vmlinuz([-_.].+)?/,
    "bzImage",
    /bzImage[-._].+/,
    "Image",
    /Image\.(gz|bz2|lz4|lzma|lzo|xz|zst)/,
    /Image-.+/,
    "kernel",
    // Every 64-bit Raspberry Pi starts it; kernel_2712.img only the fifth.
    "kernel8.img",
    /kernel_?[0-9]*l?\.img/,
    // Fedora CoreOS.
    /.+-live-kernel.*/,
    /kernel-.+/,
    "linux",
    // Proxmox.
    "linux26",
    "vmlinux",
    /vmlinux[-.].+/,
    "gentoo",
    /zImage([-.].+)?/,
    "fitImage",
    /fitImage-.+/,
    /.+\.itb/,
    /uImage([-.].+)?/,
    // OpenWrt, whose initramfs is within the kernel.
    /.+-initramfs-kernel\.(bin|elf)/,
    /.+-initramfs\.(elf|uimage)/,
    // A unified kernel image, or another program for UEFI.
    /.+\.[eE][fF][iI]/,
    "wimboot",
    /memtest.*\.bin/,
  ],
  initramfs: [
    "initramfs.img",
    /initramfs.*/,
    /initrd.*/,
    // Fedora CoreOS, mkosi, Clear Linux, OpenWrt.
    /.+[-_.](initramfs|initrd)([-_.].+)?/,
    // Buildroot, Yocto, Flatcar.
    /.+\.cpio(\.(gz|bz2|lz4|lzma|lzo|xz|zst))?/,
    // TinyCore.
    /core(pure64)?\.gz/,
    /.+\.igz/,
    "uInitrd",
    "uRamdisk",
    /ramdisk([-._].+)?/,
  ],
  rootfs: [
    /rootfs\..+/,
    /.+-live-rootfs.*/,
    "filesystem.squashfs",
    /airootfs\..+/,
    /modloop-.+/,
    "squashfs.img",
    /.+\.squashfs/,
    /.+\.sfs/,
    /.+\.erofs/,
  ],
};

/**
 * A pattern for files that have none of the given roles, whatever their names.
 */
interface Never {
  readonly pattern: RegExp;
  /** Completes `it is ...`. */
  readonly what: string;
  /** @default all of them */
  readonly roles?: readonly NamedRole[];
}

const BACKUP = String.raw`\.(bak|old.*|orig|dpkg-.*|rpm.*)`;

const NEVER: readonly Never[] = [
  {
    pattern: new RegExp(
      String
        .raw`\.(sig|asc|gpg|minisig|sha.*|md5.*|sum|hmac|manifest|zsync|torrent|verity|roothash)(${BACKUP})?$`,
      "i",
    ),
    what: "about another file",
  },
  {
    pattern:
      /\.(txt|md|html?|json|toml|ya?ml|conf|cfg|ini|ipxe|log|map|xml|list|cat|pub|crt|cer|pem|dtbo?)$/i,
    what: "neither a program nor a file system",
  },
  {
    pattern: /\.(iso|rpm|deb|apk|zip|t[gx]z|tar(\..+)?)$/i,
    what: "an archive",
    roles: ["kernel", "initramfs"],
  },
  {
    pattern: /\.(squashfs|sfs|erofs|ext[234]|raw(\..+)?|qcow2|vhdx?|wim|ko)$/i,
    what: "a file system",
    roles: ["kernel"],
  },
  {
    pattern: /^xen(-.+)?(\.gz|\.efi)?$/i,
    what: "a hypervisor",
    roles: ["kernel"],
  },
  {
    pattern:
      /^(grub|shim|mm|fb|ipxe|snp|undionly|intel\.|realtek\.|syslinux|boot(x64|ia32|aa64|arm|riscv64|loongarch64|mgr|mgfw)|systemd-boot|refind|elilo|gummiboot|mboot|loader|shell|fwup).*\.efi$|^u-boot/i,
    what: "a boot loader",
    roles: ["kernel"],
  },
];

/** Images for when the ordinary one fails, and what is kept of an older one. */
const LAST_RESORT = new RegExp(`${BACKUP}$|kdump|rescue|fallback`, "i");

/**
 * Data for the processor, which the kernel finds only in front of its first
 * file system: to be loaded before the initramfs.
 */
const MICROCODE: readonly RegExp[] = [
  /intel[-_]?(ucode|uc|microcode).*/,
  /amd[-_]?(ucode|uc|microcode).*/,
  /(early_)?(ucode|microcode).*/,
];

/** How well a name fits a role: 0 is best; undefined: it does not play it. */
export function nameRank(name: string, role: NamedRole): number | undefined {
  if (neverPlays(name, role) !== undefined || isMicrocode(name)) {
    return undefined;
  }
  for (const each of ["kernel", "initramfs", "rootfs"] as const) {
    const rank = ROLE_NAMES[each].findIndex((p) => matches(name, p));
    if (rank < 0 || neverPlays(name, each) !== undefined) continue;
    return each === role ? rank : undefined;
  }
  return undefined;
}

/**
 * Why a file that is named like one of a role never has it: completes `it is
 * ...`.
 */
export function neverPlays(name: string, role: NamedRole): string | undefined {
  return NEVER.find(({ pattern, roles }) =>
    (roles?.includes(role) ?? true) && pattern.test(name)
  )?.what;
}

/** Whether a name only stands in where no other file can play its role. */
export function isLastResort(name: string): boolean {
  return LAST_RESORT.test(name);
}

/** Whether a file is microcode, whatever the machine. */
export function isMicrocode(name: string): boolean {
  return microcodeOrder(name) < MICROCODE.length &&
    neverPlays(name, "initramfs") === undefined && !isLastResort(name);
}

/** Where a microcode file stands among others: Intel's first. */
export function microcodeOrder(name: string): number {
  const order = MICROCODE.findIndex((pattern) => matches(name, pattern));
  return order < 0 ? MICROCODE.length : order;
}

/** Whether a file describes hardware. */
export function isDeviceTree(path: string): boolean {
  return /\.dtbo?$/.test(path);
}

/**
 * Whether a name stands for a choice the operator made, so that further
 * candidates beside it need no warning: `vmlinuz` next to `vmlinuz-6.12`.
 */
export function isExactName(name: string): boolean {
  return Object.values(ROLE_NAMES).some((names) => names.includes(name));
}

function matches(name: string, pattern: NamePattern): boolean {
  return typeof pattern === "string"
    ? name === pattern
    : wholeName(pattern).test(name);
}

/** Made once: thousands of names are held against each pattern. */
const wholeNames = new Map<RegExp, RegExp>();

function wholeName(pattern: RegExp): RegExp {
  let whole = wholeNames.get(pattern);
  if (whole === undefined) {
    whole = new RegExp(`^(?:${pattern.source})$`, "s");
    wholeNames.set(pattern, whole);
  }
  return whole;
}
