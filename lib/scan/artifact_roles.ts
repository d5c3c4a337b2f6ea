import {
  isExactName,
  isLastResort,
  isMicrocode,
  microcodeOrder,
  type NamedRole,
  nameRank,
  neverPlays,
} from "./role_names.ts";
import { compareVersions } from "./version_order.ts";

/** Which file of an image directory plays which role. */
export interface ArtifactRoles {
  /** What the machine boots; undefined: nothing here is called like a kernel. */
  readonly kernel?: string;
  /** The main initial RAM file system. */
  readonly initramfs?: string;
  /** The root file system proper. */
  readonly rootfs?: string;
  /**
   * All initial RAM file systems in the order to load them in, microcode first;
   * empty unless there are several.
   */
  readonly initrds: readonly string[];
  /** How each role came to its file, in the order kernel, initramfs, rootfs. */
  readonly choices: readonly RoleChoice[];
}

/** How one role came to its file. */
export interface RoleChoice {
  readonly role: NamedRole;
  /** The file that plays it; undefined: none does. */
  readonly name?: string;
  /** Why this one, or why none: one clause. */
  readonly why: string;
  /** What could have been meant. */
  readonly passedOver: readonly PassedOver[];
}

/** A file that does not play a role although it is called like it. */
export interface PassedOver {
  /** The file. */
  readonly name: string;
  /** Completes a sentence that begins with the name: `is older`. */
  readonly why: string;
  /** Whether the operator may have meant it. */
  readonly isDoubtful: boolean;
}

/**
 * Decides by name alone which files play which role. A kernel is preferred by
 * what it is called, its own initramfs (of the same version) and its version,
 * in this order but for `vmlinuz`, which comes first whatever else is there.
 *
 * @param names files that can be served and are not empty
 * @param given the kernel, where it is known already
 */
export function artifactRoles(
  names: Iterable<string>,
  given?: string,
): ArtifactRoles {
  const all = [...names].sort();
  const initramfsNames = candidates(all, "initramfs");
  const kernels = given !== undefined
    ? [given]
    : candidates(all, "kernel").sort(
      byPreference("kernel", (name) => {
        if (name === "vmlinuz") return 0;
        return initramfsNames.some((i) => fit(name, i) === "own") ? 1 : 2;
      }),
    );
  const kernel = kernels[0];
  const initramfsChoice = partnerOf(kernel, initramfsNames, "initramfs");
  const rootfsChoice = partnerOf(kernel, candidates(all, "rootfs"), "rootfs");
  const initramfs = initramfsChoice.name;
  const microcode = all.filter(isMicrocode)
    .sort((a, b) => microcodeOrder(a) - microcodeOrder(b));
  const isBooted = kernel !== undefined && initramfs !== undefined;
  return {
    ...kernel !== undefined && { kernel },
    ...initramfs !== undefined && { initramfs },
    ...rootfsChoice.name !== undefined && { rootfs: rootfsChoice.name },
    initrds: isBooted && microcode.length > 0 ? [...microcode, initramfs] : [],
    choices: [
      kernelChoice(all, kernels, initramfsNames),
      initramfsChoice,
      rootfsChoice,
    ],
  };
}

function candidates(names: readonly string[], role: NamedRole): string[] {
  return names.filter((name) => nameRank(name, role) !== undefined);
}

/** Last resorts last, then by `first`, then by the table, then newest first. */
function byPreference(
  role: NamedRole,
  first: (name: string) => number,
): (a: string, b: string) => number {
  return (a, b) =>
    Number(isLastResort(a)) - Number(isLastResort(b)) ||
    first(a) - first(b) ||
    (nameRank(a, role) ?? 0) - (nameRank(b, role) ?? 0) ||
    compareVersions(b, a) || (a < b ? -1 : 1);
}

function kernelChoice(
  all: readonly string[],
  [name, ...others]: readonly string[],
  initramfsNames: readonly string[],
): RoleChoice {
  const never = all.flatMap((other): PassedOver[] => {
    const what = neverPlays(other, "kernel");
    const isNotable = what === "a hypervisor" || what === "a boot loader";
    return isNotable
      ? [{ name: other, why: `is ${what}`, isDoubtful: false }]
      : [];
  });
  if (name === undefined) {
    const why = "no file is named like a kernel";
    return { role: "kernel", why, passedOver: never };
  }
  const own = initramfsNames.find((other) => fit(name, other) === "own");
  const passedOver = others.map((other): PassedOver => ({
    name: other,
    why: `is passed over for "${name}"`,
    isDoubtful: isDoubtful(name, other),
  }));
  return {
    role: "kernel",
    name,
    why: own === undefined || isExactName(name)
      ? "by its name"
      : `by its name, with "${own}"`,
    passedOver: [...passedOver, ...never],
  };
}

/** The file of a role that goes together with the kernel. */
function partnerOf(
  kernel: string | undefined,
  names: readonly string[],
  role: NamedRole,
): RoleChoice {
  const suits = (name: string) => {
    const how = kernel === undefined ? "any" : fit(kernel, name);
    // A root file system has versions of its own.
    return how === "none" && role === "rootfs" ? "any" : how;
  };
  const [name, ...others] = names.filter((each) => suits(each) !== "none")
    .sort(byPreference(role, (each) => suits(each) === "own" ? 0 : 1));
  const strangers = names.filter((each) => suits(each) === "none");
  const ofOthers = strangers.map((other): PassedOver => ({
    name: other,
    why: `has another version than "${kernel}"`,
    // Without any initramfs the machine may not come up.
    isDoubtful: name === undefined && role === "initramfs",
  }));
  if (name === undefined) {
    const why = strangers.length > 0
      ? `none has the same version as "${kernel}"`
      : "no file is named like one";
    return { role, why, passedOver: ofOthers };
  }
  const isOwn = suits(name) === "own";
  const passedOver = others.map((other): PassedOver => ({
    name: other,
    why: `is passed over for "${name}"`,
    isDoubtful: isDoubtful(name, other) && !(isOwn && suits(other) !== "own"),
  }));
  return {
    role,
    name,
    why: isOwn ? `same version as "${kernel}"` : "by its name",
    passedOver: [...passedOver, ...ofOthers],
  };
}

/** Whether an operator may have meant the other one. */
function isDoubtful(chosen: string, other: string): boolean {
  return !isExactName(chosen) && (isLastResort(chosen) || !isLastResort(other));
}

/**
 * Whether a file goes with a kernel: `own` when both are called alike but for
 * their roles, `none` when both name a version and not the same one.
 */
function fit(kernel: string, other: string): "own" | "any" | "none" {
  const [a, b] = [releaseOf(kernel), releaseOf(other)];
  if (a !== "" && a === b) return "own";
  const [x, y] = [versionIn(a), versionIn(b)];
  return x !== undefined && y !== undefined && x !== y ? "none" : "any";
}

/** What remains of a name without its role and endings: `6.1.0-9-amd64`. */
function releaseOf(name: string): string {
  return name.toLowerCase()
    .replace(
      /(\.(img|gz|bz2|lz4|lzma|lzo|xz|zst|cpio|igz|efi|itb|bin|sfs|squashfs))+$/,
      "",
    )
    .replace(
      /(live-)?(vmlinuz|vmlinux|bzimage|zimage|uimage|fitimage|image|kernel|initramfs|initrd|uinitrd|ramdisk|modloop|rootfs|airootfs)(\.img)?/,
      "",
    )
    .replace(/^[-._]+|[-._]+$/g, "");
}

/** The version a release begins with, if it names one. */
function versionIn(release: string): string | undefined {
  return /\d+\.\d.*/.exec(release)?.[0];
}
