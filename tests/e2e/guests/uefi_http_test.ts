/**
 * UEFI HTTP boot: the firmware itself asks `plasmd serve` for a program, told
 * its URL by the DHCP server of examples/dnsmasq.conf.
 */
import { EFI_STUB, unifiedKernelImage } from "../../support/boot_images.ts";
import { GUEST_LIMIT_MS, guestTest } from "../../support/boot_lab.ts";
import { guestMarker } from "../../support/guest_kernel.ts";
import { until } from "../../support/lab_program.ts";

await guestTest("UEFI HTTP boot starts a unified kernel image", {
  everyRun: true,
  uefi: true,
  programs: ["objcopy"],
  files: [EFI_STUB],
  async body(lab) {
    const directory = await lab.directory("uki");
    const path = await unifiedKernelImage(lab.kernel, lab.cmdline, directory);
    await lab.image({ vmlinuz: { path } });
    await lab.serve();
    await lab.dhcpOfExample();
    const guest = await lab.boot("uefi-http");
    lab.report(
      "kernel and initramfs",
      await guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS),
    );
  },
});

/**
 * It has no command line, so no console and no initramfs: that it runs shows
 * in where the processor is. Linux runs in the upper half of the addresses,
 * firmware in the lower.
 */
await guestTest("UEFI HTTP boot starts a plain kernel, which says nothing", {
  uefi: true,
  async body(lab) {
    await lab.plainImage();
    await lab.serve();
    await lab.dhcpOfExample();
    const guest = await lab.boot("uefi-http");
    await guest.shows(/BdsDxe: starting Boot/, GUEST_LIMIT_MS);
    await until("the processor runs Linux", async () => {
      const registers = await guest.monitor("info registers");
      return /RIP=ffffffff/.test(registers);
    }, GUEST_LIMIT_MS);
    lab.report("the kernel", guest.seconds);
  },
});
