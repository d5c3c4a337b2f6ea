/** Machines in QEMU that `plasmd serve` tells apart by their rows. */
import assert from "node:assert/strict";
import {
  bootableDisk,
  DISK_MARKER,
  grubImage,
} from "../../support/boot_images.ts";
import {
  type BootLab,
  GUEST_LIMIT_MS,
  guestTest,
  SERVER,
} from "../../support/boot_lab.ts";
import { GUEST_MAC } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";

/** Serves by a row, and names the menu to a machine's GRUB or iPXE. */
const LOADERS = {
  GRUB: async (lab: BootLab, config: string) => {
    const provider = await lab.serve({ port: 80, config });
    const tftp = await lab.directory("tftp");
    await grubImage("i386-pc-pxe", [SERVER, "/grub.cfg"], `${tftp}/grub`);
    await lab.dhcp(tftp, "grub");
    return provider;
  },
  iPXE: async (lab: BootLab, config: string) => {
    const provider = await lab.serve({ config });
    await lab.dhcpOfExample();
    return provider;
  },
} as const;

for (const [loader, serve] of Object.entries(LOADERS)) {
  await guestTest(
    `${loader} boots the channel of the machine's row, with its words`,
    {
      programs: ["grub-mkimage"],
      files: ["/usr/lib/grub/i386-pc/http.mod"],
      async body(lab) {
        await lab.plainImage();
        // What the menu would take first.
        await lab.image({ vmlinuz: "no kernel" }, "older/x86_64");
        const provider = await serve(
          lab,
          `[provider]\nchannels = ["older", "stable"]\n` +
            `[pxe]\nloaders = "/usr/lib/ipxe"\n` +
            `[[machines]]\nmac = "${GUEST_MAC}"\nname = "desk"\n` +
            `channel = "stable"\ncmdline = "row=of-desk mac={mac}"\n`,
        );
        const guest = await lab.boot("bios-pxe");
        const words = `${lab.word} row=of-desk mac=${GUEST_MAC}`;
        const marker = guestMarker(lab.kernel, words);
        lab.report("the image", await guest.shows(marker, GUEST_LIMIT_MS));
        assert.ok(
          provider.lines().includes(`INFO ${GUEST_MAC} (desk): all of it sent`),
          provider.lines().join("\n"),
        );
        assert.doesNotMatch(guest.console, /can't find command/);
      },
    },
  );
}

for (const [loader, serve] of Object.entries(LOADERS)) {
  await guestTest(`${loader} starts the disk of a machine whose row says so`, {
    programs: ["grub-mkimage"],
    files: ["/usr/lib/grub/i386-pc/http.mod"],
    async body(lab) {
      await lab.plainImage();
      const provider = await serve(
        lab,
        `[pxe]\nloaders = "/usr/lib/ipxe"\n` +
          `[[machines]]\nmac = "${GUEST_MAC}"\nboot = "local"\n`,
      );
      const disk = `${await lab.directory("disk")}/disk.img`;
      await Deno.writeFile(disk, bootableDisk());
      const guest = await lab.boot("bios-pxe", { disk });
      const marker = new RegExp(DISK_MARKER);
      lab.report("the disk", await guest.shows(marker, GUEST_LIMIT_MS));
      const line = `INFO ${GUEST_MAC}: script that starts its own disk`;
      assert.ok(provider.lines().includes(line), provider.lines().join("\n"));
    },
  });
}
