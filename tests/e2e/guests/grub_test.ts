/**
 * Debian's GRUB, loaded by TFTP, takes its configuration from `plasmd serve`
 * and boots what that names. In some runs one answer is a refusal or ends in
 * its middle.
 */
import {
  EFI_STUB,
  grubImage,
  type GrubPlatform,
  unifiedKernelImage,
} from "../../support/boot_images.ts";
import {
  type BootLab,
  GUEST_LIMIT_MS,
  guestTest,
  SERVER,
} from "../../support/boot_lab.ts";
import type { Fault } from "../../support/faulty_proxy.ts";
import type { Guest, MachineKind } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";

/** A GRUB, and the machine that it runs on. */
interface Way {
  readonly name: string;
  readonly kind: MachineKind;
  readonly platform: GrubPlatform;
}

const onBios: Way = {
  name: "GRUB on BIOS",
  kind: "bios-pxe",
  platform: "i386-pc-pxe",
};
const onUefi: Way = {
  name: "GRUB on UEFI",
  kind: "uefi-pxe",
  platform: "x86_64-efi",
};

async function grubTest(
  { name, kind, platform }: Way,
  { what, path = "/grub.cfg", everyRun = false, files = [], fault, body }: {
    readonly what: string;
    /** Where its configuration is. */
    readonly path?: string;
    readonly everyRun?: boolean;
    readonly files?: readonly string[];
    readonly fault?: Fault;
    /** Makes the image. @returns what the guest is to say */
    readonly body: (lab: BootLab) => Promise<RegExp>;
  },
): Promise<void> {
  const modules = platform.replace("-pxe", "");
  await guestTest(`${name} ${what}`, {
    everyRun,
    uefi: kind !== "bios-pxe",
    programs: ["grub-mkimage", "objcopy"],
    files: [`/usr/lib/grub/${modules}/http.mod`, ...files],
    async body(lab) {
      const marker = await body(lab);
      await lab.serve({ port: 80, fault });
      const tftp = await lab.directory("tftp");
      await grubImage(platform, [SERVER, path], `${tftp}/grub`);
      await lab.dhcp(tftp, "grub");
      const guest: Guest = await lab.boot(kind);
      lab.report(
        "kernel and initramfs",
        await guest.shows(marker, GUEST_LIMIT_MS),
      );
    },
  });
}

/** Kernel, initramfs and command line. */
async function plain(lab: BootLab): Promise<RegExp> {
  await lab.plainImage();
  return guestMarker(lab.kernel, lab.word);
}

await grubTest(onBios, {
  what: "boots from the menu, with what the command line left open",
  everyRun: true,
  body: (lab) => lab.imageWithPlaceholders(80),
});
await grubTest(onUefi, {
  what: "boots from the menu, with what the command line left open",
  body: (lab) => lab.imageWithPlaceholders(80),
});
for (const way of [onBios, onUefi]) {
  await grubTest(way, {
    what: "boots by the image's own grub.cfg",
    path: "/stable/x86_64/grub.cfg",
    body: plain,
  });
}
await grubTest(onUefi, {
  what: "starts a unified kernel image",
  files: [EFI_STUB],
  async body(lab) {
    const directory = await lab.directory("uki");
    const path = await unifiedKernelImage(lab.kernel, lab.cmdline, directory);
    await lab.image({ "linux.efi": { path } });
    return guestMarker(lab.kernel, lab.word);
  },
});
for (const kind of ["500", "503", "cut"] as const) {
  for (
    const [what, path] of [
      ["configuration", "^/stable/x86_64/grub\\.cfg"],
      ["kernel", "^/stable/x86_64/kernel"],
    ] as const
  ) {
    await grubTest(onBios, {
      what: `boots from the menu after one ${kind} for the ${what}`,
      fault: { kind, method: "GET", path },
      body: plain,
    });
  }
}
