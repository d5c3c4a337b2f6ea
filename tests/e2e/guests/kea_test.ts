/** Machines that the DHCP server of examples/kea-dhcp4.json leads to us. */
import { EFI_STUB, unifiedKernelImage } from "../../support/boot_images.ts";
import {
  type BootLab,
  GUEST_LIMIT_MS,
  guestTest,
} from "../../support/boot_lab.ts";
import type { MachineKind } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";

async function bootsByKea(
  name: string,
  kind: MachineKind,
  files: readonly string[],
  image: (lab: BootLab) => Promise<void>,
): Promise<void> {
  await guestTest(`Kea leads ${name} to an image`, {
    uefi: kind !== "bios-pxe",
    programs: ["kea-dhcp4", "objcopy"],
    files,
    async body(lab) {
      await image(lab);
      await lab.serve();
      await lab.dhcpOfKeaExample();
      const guest = await lab.boot(kind);
      lab.report(
        "kernel and initramfs",
        await guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS),
      );
    },
  });
}

await bootsByKea(
  "iPXE in a ROM on BIOS",
  "bios-pxe",
  ["/usr/lib/ipxe/qemu/pxe-virtio.rom"],
  (lab) => lab.plainImage(),
);
await bootsByKea(
  "PXE on UEFI, by iPXE,",
  "uefi-pxe",
  ["/usr/lib/ipxe/snponly.efi"],
  (lab) => lab.plainImage(),
);
await bootsByKea("UEFI HTTP boot", "uefi-http", [EFI_STUB], async (lab) => {
  const directory = await lab.directory("uki");
  const path = await unifiedKernelImage(lab.kernel, lab.cmdline, directory);
  await lab.image({ vmlinuz: { path } });
});
