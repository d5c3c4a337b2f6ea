/**
 * Debian's GRUB, loaded by TFTP, takes its configuration from `plasmd serve`
 * and boots what that names. It retries nothing.
 */
import { grubImage, type GrubPlatform } from "../../support/boot_images.ts";
import { GUEST_LIMIT_MS, guestTest, SERVER } from "../../support/boot_lab.ts";
import type { MachineKind } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";

async function bootsByGrub(
  firmware: string,
  kind: MachineKind,
  platform: GrubPlatform,
): Promise<void> {
  const modules = platform.replace("-pxe", "");
  await guestTest(`GRUB on ${firmware} boots by grub.cfg`, {
    everyRun: kind === "bios-pxe",
    uefi: kind !== "bios-pxe",
    programs: ["grub-mkimage"],
    files: [`/usr/lib/grub/${modules}/http.mod`],
    async body(lab) {
      await lab.plainImage();
      await lab.serve({ port: 80 });
      const tftp = await lab.directory("tftp");
      await grubImage(
        platform,
        [SERVER, "/stable/x86_64/grub.cfg"],
        `${tftp}/grub`,
      );
      await lab.dhcp(tftp, "grub");
      const guest = await lab.boot(kind);
      lab.report(
        "kernel and initramfs",
        await guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS),
      );
    },
  });
}

await bootsByGrub("BIOS", "bios-pxe", "i386-pc-pxe");
await bootsByGrub("UEFI", "uefi-pxe", "x86_64-efi");
