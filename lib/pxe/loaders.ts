import { ok, refuse, type Result } from "../core/result.ts";

/** A bare machine's firmware, as far as it decides what it can start. */
export interface Firmware {
  /** How it starts programs. */
  readonly kind: "BIOS" | "UEFI";
  /** Canonical, of the image it can boot: `x86_64`, `arm64`. */
  readonly arch: string;
}

/** Firmware that loaders are known for, as the settings name it. */
export type LoaderKey = "bios" | "x86_64" | "arm64";

/** The names of loaders that the operator has chosen; others are found by name. */
export type LoaderNames = { readonly [K in LoaderKey]?: string | undefined };

/** `UEFI x86_64` */
export function formatFirmware({ kind, arch }: Firmware): string {
  return `${kind} ${arch}`;
}

/**
 * File names of loaders, best first: those in Debian's and Fedora's packages of
 * iPXE, then GRUB as installed by hand. Loaders that use the firmware's own
 * driver come before those that bring drivers.
 */
const USUAL: Readonly<Record<LoaderKey, readonly [string, ...string[]]>> = {
  bios: ["undionly.kpxe", "ipxe.pxe", "core.0"],
  x86_64: [
    "snponly.efi",
    "ipxe-snponly-x86_64.efi",
    "ipxe.efi",
    "ipxe-amd64.efi",
    "ipxe-x86_64.efi",
    "grubnetx64.efi",
    "grubx64.efi",
  ],
  arm64: [
    "arm64-efi/snponly.efi",
    "snponly-arm64.efi",
    "arm64-efi/ipxe.efi",
    "ipxe-arm64.efi",
    "grubnetaa64.efi",
    "grubaa64.efi",
  ],
};

/**
 * The loader for a machine's firmware.
 *
 * @param available the names in the directory of loaders
 * @param chosen by the operator: these or none
 * @returns a name from `available`, or what is missing, for the log
 */
export function loaderFor(
  firmware: Firmware,
  available: ReadonlySet<string>,
  chosen: LoaderNames,
): Result<string> {
  const key = keyOf(firmware);
  const wanted = wantedNames(firmware, chosen);
  const name = wanted.find((name) => available.has(name));
  if (name !== undefined) return ok(name);
  const remedy = `put ${wanted[0]} into the directory of loaders`;
  return refuse(
    `no boot loader for ${formatFirmware(firmware)}: ${remedy}${
      key === undefined ? "" : `, or name another as ${key}_loader in [pxe]`
    }`,
  );
}

/**
 * Which firmware can boot images, and what is missing for the rest: lines for
 * the log.
 *
 * @param arches of the images
 */
export function loaderReport(
  arches: ReadonlySet<string>,
  available: ReadonlySet<string>,
  chosen: LoaderNames,
): { readonly found: string | undefined; readonly missing: readonly string[] } {
  const found: string[] = [];
  const missing: string[] = [];
  const all = [...arches].sort().flatMap((arch): Firmware[] => [
    ...arch === "x86_64" ? [{ kind: "BIOS", arch } as const] : [],
    { kind: "UEFI", arch },
  ]);
  for (const firmware of all) {
    const loader = loaderFor(firmware, available, chosen);
    if (loader.ok) found.push(`${formatFirmware(firmware)} ${loader.value}`);
    else missing.push(loader.reason.replace(/^n/, "N"));
  }
  return {
    found: found.length === 0 ? undefined : `Boot loaders: ${found.join(", ")}`,
    missing,
  };
}

function wantedNames(
  firmware: Firmware,
  chosen: LoaderNames,
): readonly [string, ...string[]] {
  const key = keyOf(firmware);
  // Debian has some for other processors, too.
  if (key === undefined) return [`ipxe-${firmware.arch}.efi`];
  const own = chosen[key];
  return own === undefined ? USUAL[key] : [own];
}

function keyOf({ kind, arch }: Firmware): LoaderKey | undefined {
  if (kind === "BIOS") return "bios";
  return arch === "x86_64" || arch === "arm64" ? arch : undefined;
}
