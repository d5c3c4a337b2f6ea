/** How machines get to the menus of iPXE and GRUB, and what these have beside images. */
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
import type { Guest } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";
import { plainDhcp } from "../../support/plain_dhcp.ts";

const ROM = "/usr/lib/ipxe/qemu/pxe-virtio.rom";
const LOCAL_DISK = /Boot from the local disk/;

async function serveToIpxe(lab: BootLab): Promise<void> {
  await lab.serve();
  await lab.dhcpOfExample();
}

async function serveToGrub(lab: BootLab): Promise<void> {
  await lab.serve({ port: 80 });
  const tftp = await lab.directory("tftp");
  await grubImage("i386-pc-pxe", [SERVER, "/grub.cfg"], `${tftp}/grub`);
  await lab.dhcp(tftp, "grub");
}

/** Starts a machine with a disk that says so when it is started. */
async function bootWithDisk(lab: BootLab): Promise<Guest> {
  const path = `${await lab.directory("disk")}/disk.raw`;
  await Deno.writeFile(path, bootableDisk());
  return await lab.boot("bios-pxe", { disk: path });
}

/** Chooses the local disk, which stands below the images. */
async function choosesDisk(
  lab: BootLab,
  guest: Guest,
  images: number,
): Promise<void> {
  await guest.press(...Array<string>(images).fill("down"), "ret");
  const marker = new RegExp(DISK_MARKER);
  lab.report("the disk", await guest.shows(marker, GUEST_LIMIT_MS));
}

const LOADERS = {
  iPXE: {
    serve: serveToIpxe,
    needs: { files: [ROM] },
    begins: /iPXE initialising devices/,
    key: "spc",
    says: /^Hold Space for the menu with the local disk/m,
  },
  GRUB: {
    serve: serveToGrub,
    needs: {
      programs: ["grub-mkimage"],
      files: ["/usr/lib/grub/i386-pc/http.mod"],
    },
    begins: /GRUB/,
    key: "esc",
    says: /^ *Hold Esc for the menu with the local disk/m,
  },
};

for (
  const [name, { serve, needs, begins, key, says }] of Object.entries(LOADERS)
) {
  await guestTest(
    `a key that is held leads to ${name}'s menu, and to the disk`,
    {
      ...needs,
      async body(lab) {
        await lab.plainImage();
        await serve(lab);
        const guest = await bootWithDisk(lab);
        await guest.shows(begins, GUEST_LIMIT_MS);
        await guest.holdsUntil(key, LOCAL_DISK, GUEST_LIMIT_MS);
        assert.match(guest.console, says);
        await choosesDisk(lab, guest, 1);
      },
    },
  );

  await guestTest(`${name} boots an only image without a menu`, {
    ...needs,
    async body(lab) {
      await lab.plainImage();
      await serve(lab);
      const guest = await bootWithDisk(lab);
      const marker = guestMarker(lab.kernel, lab.word);
      lab.report("the image", await guest.shows(marker, GUEST_LIMIT_MS));
      assert.match(guest.console, says);
      assert.doesNotMatch(guest.console, LOCAL_DISK);
    },
  });

  await guestTest(`${name} shows the menu where there are several images`, {
    ...needs,
    async body(lab) {
      await lab.plainImage();
      await lab.image({ vmlinuz: "no kernel" }, "testing/x86_64");
      await serve(lab);
      const guest = await bootWithDisk(lab);
      await guest.shows(LOCAL_DISK, GUEST_LIMIT_MS);
      await choosesDisk(lab, guest, 2);
    },
  });
}

/** What comes behind PXE in OVMF's order. */
const NEXT_IN_ORDER = />>Start HTTP Boot over IPv4/;

await guestTest("on UEFI, iPXE's local disk is what comes next in its order", {
  uefi: true,
  files: ["/usr/lib/ipxe/snponly.efi"],
  async body(lab) {
    await lab.plainImage();
    await lab.serve({ flags: ["--pxe"] });
    await plainDhcp(lab);
    const guest = await lab.boot("uefi-pxe");
    await guest.shows(/iPXE initialising devices/, GUEST_LIMIT_MS);
    await guest.holdsUntil("spc", LOCAL_DISK, GUEST_LIMIT_MS);
    await guest.press("down", "ret");
    lab.report("the rest", await guest.shows(NEXT_IN_ORDER, GUEST_LIMIT_MS));
  },
});
