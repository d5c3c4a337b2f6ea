/** What firmware loads before, or instead of, a kernel. */
import { join } from "node:path";
import { commandOutput } from "./command_output.ts";
import type { GuestKernel } from "./guest_kernel.ts";

/** systemd's stub, which makes an EFI program of a kernel. */
export const EFI_STUB = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

const [UKI_FIRST, UKI_KERNEL] = [0x20000, 0x2000000];

/**
 * A unified kernel image: systemd's stub with kernel, initramfs and cmdline as
 * further sections, where it finds them by name (systemd-stub(7)).
 */
export async function unifiedKernelImage(
  { kernelPath, initramfsPath, release }: GuestKernel,
  cmdline: string,
  directory: string,
): Promise<string> {
  const [cmdlinePath, osPath, imagePath] = ["cmdline", "os", "uki.efi"]
    .map((name) => join(directory, name)) as [string, string, string];
  await Deno.writeTextFile(cmdlinePath, cmdline);
  await Deno.writeTextFile(osPath, `NAME="Guest ${release}"\n`);
  const { size } = await Deno.stat(kernelPath);
  const sections: readonly [string, string, number][] = [
    [".osrel", osPath, UKI_FIRST],
    [".cmdline", cmdlinePath, 2 * UKI_FIRST],
    [".linux", kernelPath, UKI_KERNEL],
    // Sections begin at pages.
    [".initrd", initramfsPath, UKI_KERNEL + Math.ceil(size / 4096) * 4096],
  ];
  await commandOutput("objcopy", [
    ...sections.flatMap(([name, path, address]) => [
      ...["--add-section", `${name}=${path}`],
      ...["--change-section-vma", `${name}=${address}`],
    ]),
    ...[EFI_STUB, imagePath],
  ]);
  return imagePath;
}

/** GRUB for the firmware of PCs, or for UEFI. */
export type GrubPlatform = "i386-pc-pxe" | "x86_64-efi";

const GRUB_MODULES = {
  "i386-pc-pxe": ["pxe", "tftp", "halt", "biosdisk", "linux16", "cpuid"],
  "x86_64-efi": ["efinet", "tftp"],
};

/**
 * A GRUB that takes its configuration from a server by HTTP. Debian's 2.06 asks
 * at port 80 only.
 *
 * @param configuration the path at the server, such as `/stable/x86_64/grub.cfg`
 */
export async function grubImage(
  platform: GrubPlatform,
  [server, configuration]: readonly [server: string, configuration: string],
  path: string,
): Promise<void> {
  const early = `${path}.cfg`;
  await Deno.writeTextFile(
    early,
    [
      "serial --unit=0 --speed=115200",
      "terminal_output serial",
      `configfile (http,${server})${configuration}`,
      "",
    ].join("\n"),
  );
  await commandOutput("grub-mkimage", [
    ...["-O", platform, "-o", path, "-p", "/", "-c", early],
    ...GRUB_MODULES[platform],
    ...["net", "http", "linux", "configfile", "normal"],
    ...["echo", "cat", "serial", "test", "sleep", "chain"],
  ]);
}

/** What a machine says that starts from `bootableDisk()`. */
export const DISK_MARKER = "STARTED FROM THE DISK";

/** A disk whose boot sector says so on the serial console, and stops there. */
export function bootableDisk(): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(`${DISK_MARKER}\r\n\0`);
  const code = Uint8Array.of(
    ...[0x31, 0xc0, 0x8e, 0xd8, 0xfc], // xor ax, ax; mov ds, ax; cld
    ...[0xbe, 0x20, 0x7c], // mov si, 0x7c20: the text
    ...[0xba, 0xf8, 0x03], // mov dx, 0x3f8: the first serial port
    ...[0xac, 0x84, 0xc0], // lodsb; test al, al
    ...[0x74, 0x03], // jz: the end
    ...[0xee, 0xeb, 0xf8], // out dx, al; jmp: the next letter
    ...[0xf4, 0xeb, 0xfd], // hlt; jmp: hlt
  );
  const disk = new Uint8Array(1 << 20);
  disk.set(code);
  disk.set(text, 0x20);
  disk.set([0x55, 0xaa], 510);
  return disk;
}
