/** Machines that the DHCP server of examples/kea-dhcp4.json leads to us. */
import { GUEST_LIMIT_MS, guestTest } from "../../support/boot_lab.ts";
import type { MachineKind } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";

async function bootsByKea(
  name: string,
  kind: MachineKind,
  files: readonly string[],
): Promise<void> {
  await guestTest(`Kea leads ${name} to an image`, {
    uefi: kind !== "bios-pxe",
    programs: ["kea-dhcp4"],
    files,
    async body(lab) {
      await lab.plainImage();
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
);
await bootsByKea(
  "PXE on UEFI, by iPXE,",
  "uefi-pxe",
  ["/usr/lib/ipxe/snponly.efi"],
);
await bootsByKea(
  "UEFI HTTP boot, by iPXE,",
  "uefi-http",
  ["/usr/lib/ipxe/snponly.efi"],
);
