import type { Firmware } from "./loaders.ts";

/** The firmware that a machine reports when it wants to boot. */
export interface BootFirmware extends Firmware {
  /** How it fetches what it is offered: a name by TFTP, or a URL. */
  readonly transport: "TFTP" | "HTTP";
}

/**
 * Processor architecture types of IANA (RFC 4578 section 2.1, RFC 5970 section
 * 3.3). A processor that starts as x86 runs x86_64 in all that is of interest
 * here; 9 is sent by firmware of x86_64, whatever the registry calls it.
 */
const FIRMWARE: ReadonlyMap<number, BootFirmware> = new Map(
  ([
    [0, "BIOS", "x86_64", "TFTP"],
    [6, "UEFI", "i386", "TFTP"],
    [7, "UEFI", "x86_64", "TFTP"],
    [9, "UEFI", "x86_64", "TFTP"],
    [10, "UEFI", "arm", "TFTP"],
    [11, "UEFI", "arm64", "TFTP"],
    [15, "UEFI", "i386", "HTTP"],
    [16, "UEFI", "x86_64", "HTTP"],
    [18, "UEFI", "arm", "HTTP"],
    [19, "UEFI", "arm64", "HTTP"],
    [20, "BIOS", "x86_64", "HTTP"],
    [27, "UEFI", "riscv64", "TFTP"],
    [28, "UEFI", "riscv64", "HTTP"],
    [39, "UEFI", "loongarch64", "TFTP"],
    [40, "UEFI", "loongarch64", "HTTP"],
  ] as const).map((
    [type, kind, arch, transport],
  ) => [type, { kind, arch, transport }]),
);

/**
 * The firmware of a machine.
 *
 * @param archType what option 93 says
 * @returns undefined for a type that cannot be booted from here
 */
export function firmwareOf(archType: number): BootFirmware | undefined {
  return FIRMWARE.get(archType);
}
