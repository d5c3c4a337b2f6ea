/** What each file of an image directory is for, decided by name alone. */
export interface ArtifactRoles {
  /** Usable kernels by preference, best first. */
  readonly kernel: readonly string[];
  /** By preference, best first. */
  readonly initramfs: readonly string[];
  /** By preference, best first. */
  readonly rootfs: readonly string[];
  /** Sorted. */
  readonly dtbs: readonly string[];
  /** Never served, each with the reason. */
  readonly ignored: readonly IgnoredName[];
}

/** A name that is passed over. */
export interface IgnoredName {
  /** As the directory lists it: not fit for a log line. */
  readonly name: string;
  /** One clause, for a warning. */
  readonly reason: string;
}

/** An exact name, or a pattern that a name must match from start to end. */
type NamePattern = string | RegExp;

const KERNEL_NAMES: readonly NamePattern[] = [
  "vmlinuz",
  /vmlinuz-.+/,
  "bzImage",
  "Image",
  "kernel",
];
const INITRAMFS_NAMES: readonly NamePattern[] = [
  "initramfs.img",
  /initramfs.*/,
  /initrd.*/,
];
const ROOTFS_NAMES: readonly NamePattern[] = [/rootfs\..+/];
const DTB_NAMES: readonly NamePattern[] = [/.+\.dtb/];

/**
 * What lies beside a file about it: a detached signature is no kernel, whatever
 * else is there, so these never play a role.
 */
const ABOUT_ANOTHER_FILE =
  /\.(sig|asc|gpg|minisig|sha.*|md5.*|sum|hmac|manifest|zsync|torrent|verity|roothash)(\.(bak|old.*|orig|dpkg-.*|rpm.*))?$/i;
/**
 * Backups, and images for when the ordinary one fails: they play a role where
 * nothing else can.
 */
const LAST_RESORT = /\.(bak|old.*|orig|dpkg-.*|rpm.*)$|kdump|rescue|fallback/i;

/** Fits a URL path and a boot script without quoting. */
const SAFE_FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/;
const PARTIAL_NAME = /(\.part|\.tmp|~)$/;

/** Newer first: `vmlinuz-6.12` before `vmlinuz-6.9`. */
const versionOrder = new Intl.Collator("en", { numeric: true });

/**
 * Sorts the file names of an image directory into roles.
 *
 * @param names every name in the directory that is not a directory
 */
export function artifactRoles(names: Iterable<string>): ArtifactRoles {
  const usable: string[] = [];
  const ignored: IgnoredName[] = [];
  for (const name of names) {
    if (ABOUT_ANOTHER_FILE.test(name)) continue;
    const reason = reasonToIgnore(name);
    if (reason === undefined) usable.push(name);
    else ignored.push({ name, reason });
  }
  return {
    kernel: byPreference(usable, KERNEL_NAMES),
    initramfs: byPreference(usable, INITRAMFS_NAMES),
    rootfs: byPreference(usable, ROOTFS_NAMES),
    dtbs: usable.filter((name) => DTB_NAMES.some((p) => matches(name, p)))
      .sort(),
    ignored,
  };
}

function reasonToIgnore(name: string): string | undefined {
  if (name.startsWith(".")) return "it is a dot file";
  if (PARTIAL_NAME.test(name)) return "it is a partial file";
  const hasRole = [
    KERNEL_NAMES,
    INITRAMFS_NAMES,
    ROOTFS_NAMES,
    DTB_NAMES,
  ].flat().some((pattern) => matches(name, pattern));
  return hasRole && !SAFE_FILE_NAME.test(name)
    ? "its name has characters outside A-Z a-z 0-9 . _ + -"
    : undefined;
}

/**
 * Every match, in the patterns' order, newest version first within one, and
 * what is a last resort after all others.
 */
function byPreference(
  names: readonly string[],
  patterns: readonly NamePattern[],
): string[] {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const matching = names.filter((name) => matches(name, pattern));
    matching.sort((a, b) => versionOrder.compare(b, a));
    for (const name of matching) found.add(name);
  }
  const all = [...found];
  return [
    ...all.filter((name) => !isLastResort(name)),
    ...all.filter(isLastResort),
  ];
}

/** Whether a name only stands in where no other file can play its role. */
export function isLastResort(name: string): boolean {
  return LAST_RESORT.test(name);
}

function matches(name: string, pattern: NamePattern): boolean {
  return typeof pattern === "string"
    ? name === pattern
    : new RegExp(`^(?:${pattern.source})$`, "s").test(name);
}

/**
 * Whether a name stands for a choice the operator made, so that further
 * candidates beside it need no warning: `vmlinuz` next to `vmlinuz-6.12`.
 */
export function isExactName(name: string): boolean {
  return [...KERNEL_NAMES, ...INITRAMFS_NAMES].includes(name);
}
