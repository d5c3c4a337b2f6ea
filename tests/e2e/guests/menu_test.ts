/** What the menus of iPXE and GRUB have beside images. */
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

async function diskOf(lab: BootLab): Promise<string> {
  const path = `${await lab.directory("disk")}/disk.raw`;
  await Deno.writeFile(path, bootableDisk());
  return path;
}

/** Starts a machine with a disk, and chooses that from the menu. */
async function choosesDisk(lab: BootLab): Promise<void> {
  const guest = await lab.boot("bios-pxe", { disk: await diskOf(lab) });
  await guest.shows(/Boot from the local disk/, GUEST_LIMIT_MS);
  await guest.press("down", "ret");
  const marker = new RegExp(DISK_MARKER);
  lab.report("the disk", await guest.shows(marker, GUEST_LIMIT_MS));
}

await guestTest("iPXE's menu leads to the local disk on BIOS", {
  files: ["/usr/lib/ipxe/qemu/pxe-virtio.rom"],
  async body(lab) {
    await lab.plainImage();
    await lab.serve();
    await lab.dhcpOfExample();
    await choosesDisk(lab);
  },
});

await guestTest("GRUB's menu leads to the local disk on BIOS", {
  programs: ["grub-mkimage"],
  files: ["/usr/lib/grub/i386-pc/http.mod"],
  async body(lab) {
    await lab.plainImage();
    await lab.serve({ port: 80 });
    const tftp = await lab.directory("tftp");
    await grubImage("i386-pc-pxe", [SERVER, "/grub.cfg"], `${tftp}/grub`);
    await lab.dhcp(tftp, "grub");
    await choosesDisk(lab);
  },
});
