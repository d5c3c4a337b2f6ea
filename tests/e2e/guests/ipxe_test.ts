/**
 * iPXE, from a network card's ROM, by TFTP and by UEFI HTTP boot, told where to
 * go by the DHCP server of examples/dnsmasq.conf. In some runs one answer is a
 * refusal or ends in its middle.
 */
import { EFI_STUB, unifiedKernelImage } from "../../support/boot_images.ts";
import {
  type BootLab,
  type DhcpServer,
  GUEST_LIMIT_MS,
  guestTest,
  httpBootByLoader,
} from "../../support/boot_lab.ts";
import type { Fault, FaultKind } from "../../support/faulty_proxy.ts";
import type { Guest, MachineKind } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";

/** Debian's iPXE for UEFI. */
const UEFI_LOADER = "/usr/lib/ipxe/snponly.efi";
/** For a PXE ROM of BIOS. */
const BIOS_LOADER = "/usr/lib/ipxe/undionly.kpxe";
const ROM = "/usr/lib/ipxe/qemu/pxe-virtio.rom";

/** A way to iPXE. */
interface Way {
  readonly name: string;
  readonly kind: MachineKind;
  readonly files: readonly string[];
  /** Its own image, and the DHCP server that leads there. */
  readonly prepare: (lab: BootLab) => Promise<DhcpServer>;
  /** What goes on while the machine boots. */
  readonly meanwhile?: (lab: BootLab, dhcp: DhcpServer) => Promise<void>;
}

const inRom: Way = {
  name: "iPXE in a ROM on BIOS",
  kind: "bios-pxe",
  files: [ROM],
  prepare: (lab) => lab.dhcpOfExample(),
};

/**
 * QEMU's ROMs are iPXE, all of them. So the DHCP server does not know iPXE
 * until this one, which it took for any ROM, has its loader.
 */
const byTftpOnBios: Way = {
  name: "iPXE by TFTP on BIOS",
  kind: "bios-pxe",
  files: [ROM, BIOS_LOADER],
  prepare: (lab) =>
    lab.dhcpOfExample((example) =>
      example.replace(/^dhcp-match=set:ipxe,.*$/m, "")
    ),
  async meanwhile(lab, dhcp) {
    await dhcp.logs(new RegExp(`sent ${BIOS_LOADER}`), GUEST_LIMIT_MS);
    await dhcp.end();
    await lab.dhcpOfExample();
  },
};

const byTftpOnUefi: Way = {
  name: "iPXE by TFTP on UEFI",
  kind: "uefi-pxe",
  files: [UEFI_LOADER],
  prepare: (lab) => lab.dhcpOfExample(),
};

const byHttpOnUefi: Way = {
  name: "iPXE by HTTP boot on UEFI",
  kind: "uefi-http",
  files: [UEFI_LOADER],
  prepare: (lab) => lab.dhcpOfExample(httpBootByLoader),
};

async function bootsFromMenu(
  { name, kind, files, prepare, meanwhile }: Way,
  fault?: Fault,
  { what = "" }: { what?: string } = {},
): Promise<void> {
  await guestTest(`${name} boots from the menu${what}`, {
    uefi: kind !== "bios-pxe",
    files,
    async body(lab) {
      await lab.plainImage();
      const dhcp = await prepare(lab);
      await lab.serve({ fault });
      const guest = await lab.boot(kind);
      await meanwhile?.(lab, dhcp);
      await reportsKernel(lab, guest);
    },
  });
}

async function reportsKernel(lab: BootLab, guest: Guest): Promise<void> {
  lab.report(
    "kernel and initramfs",
    await guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS),
  );
}

for (const way of [inRom, byTftpOnBios, byTftpOnUefi, byHttpOnUefi]) {
  await bootsFromMenu(way);
}

await guestTest("iPXE on BIOS fills in what the command line leaves open", {
  files: [ROM],
  async body(lab) {
    const marker = await lab.imageWithPlaceholders(8080);
    await lab.serve();
    await lab.dhcpOfExample();
    const guest = await lab.boot("bios-pxe");
    const seconds = await guest.shows(marker, GUEST_LIMIT_MS);
    lab.report("kernel and initramfs", seconds);
  },
});

for (
  const [what, own] of [
    ["by its own command line", undefined],
    ["by the manifest's command line", "manifest=1"],
  ] as const
) {
  await guestTest(`iPXE on UEFI starts a unified kernel image ${what}`, {
    uefi: true,
    programs: ["objcopy"],
    files: [UEFI_LOADER, EFI_STUB],
    async body(lab) {
      const directory = await lab.directory("uki");
      const path = await unifiedKernelImage(lab.kernel, lab.cmdline, directory);
      await lab.image({
        "linux.efi": { path },
        ...own !== undefined && { cmdline: `console=ttyS0 panic=-1 ${own}` },
      });
      await lab.serve();
      await lab.dhcpOfExample();
      const guest = await lab.boot("uefi-pxe");
      const marker = guestMarker(lab.kernel, own ?? lab.word);
      lab.report("the image", await guest.shows(marker, GUEST_LIMIT_MS));
    },
  });
}

const KINDS: readonly FaultKind[] = ["500", "503", "cut"];
for (const way of [inRom, byTftpOnUefi, byHttpOnUefi]) {
  for (const kind of KINDS) {
    // What comes for the menu itself is not ours to mend: no script runs yet,
    // and iPXE waits and asks again after a 503 that says when, only.
    if (kind === "503") {
      await bootsFromMenu(
        way,
        { kind, method: "GET", path: "^/boot\\.ipxe" },
        { what: ` after one ${kind} for it` },
      );
    }
    await bootsFromMenu(
      way,
      { kind, method: "GET", path: "^/stable/x86_64/boot\\.ipxe" },
      { what: ` after one ${kind} for the script` },
    );
    await bootsFromMenu(
      way,
      { kind, method: "GET", path: "^/blobs/" },
      { what: ` after one ${kind} for the kernel` },
    );
  }
}
