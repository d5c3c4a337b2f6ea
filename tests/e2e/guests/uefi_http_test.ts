/**
 * UEFI HTTP boot: the firmware itself asks `plasmd serve` for a program, told
 * its URL by the DHCP server of examples/dnsmasq.conf.
 */
import assert from "node:assert/strict";
import { EFI_STUB, unifiedKernelImage } from "../../support/boot_images.ts";
import {
  type BootLab,
  GUEST_LIMIT_MS,
  guestTest,
  httpBootByLoader,
} from "../../support/boot_lab.ts";
import type { Fault, FaultKind } from "../../support/faulty_proxy.ts";
import { guestMarker } from "../../support/guest_kernel.ts";
import { until } from "../../support/lab_program.ts";

async function serveUnified(lab: BootLab, fault?: Fault): Promise<void> {
  const directory = await lab.directory("uki");
  const path = await unifiedKernelImage(lab.kernel, lab.cmdline, directory);
  await lab.image({ vmlinuz: { path } });
  await lab.serve({ fault });
}

await guestTest("UEFI HTTP boot starts a unified kernel image", {
  everyRun: true,
  uefi: true,
  programs: ["objcopy"],
  files: [EFI_STUB],
  async body(lab) {
    await serveUnified(lab);
    await lab.dhcpOfExample();
    const guest = await lab.boot("uefi-http");
    lab.report(
      "kernel and initramfs",
      await guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS),
    );
  },
});

/** docs/netboot.md says so of firmware: this is where it would turn out otherwise. */
async function givesUp(
  kind: FaultKind,
  path: "/stable/x86_64/kernel.efi" | "/boot/snponly.efi",
): Promise<void> {
  await guestTest(`UEFI HTTP boot gives up after one ${kind} for ${path}`, {
    uefi: true,
    programs: ["objcopy"],
    files: [EFI_STUB, "/usr/lib/ipxe/snponly.efi"],
    async body(lab) {
      await serveUnified(lab, { kind, method: "GET", path: `^${path}$` });
      await lab.dhcpOfExample(
        path === "/boot/snponly.efi" ? httpBootByLoader : undefined,
      );
      const guest = await lab.boot("uefi-http");
      await assert.rejects(
        guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS),
        /it gave up/,
      );
      lab.report("its next boot option", guest.seconds);
      // It may also end the connection by a reset.
      assert.deepEqual(lab.requests.filter((line) => / \//.test(line)), [
        `HEAD ${path}`,
        `GET ${path} FAULT ${kind}`,
      ]);
    },
  });
}

for (const kind of ["500", "503", "cut"] as const) {
  await givesUp(kind, "/stable/x86_64/kernel.efi");
}
await givesUp("503", "/boot/snponly.efi");

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
