/**
 * Machines that `plasmd serve --pxe` leads to an image, on a LAN whose DHCP
 * server gives addresses and knows nothing of booting.
 */
import {
  bootableDisk,
  DISK_MARKER,
  EFI_STUB,
  grubImage,
  unifiedKernelImage,
} from "../../support/boot_images.ts";
import {
  type BootLab,
  GUEST_LIMIT_MS,
  guestTest,
  type GuestTestOptions,
  type ServeOptions,
  SERVER,
} from "../../support/boot_lab.ts";
import { GUEST_MAC, type MachineKind } from "../../support/guest.ts";
import { commandOutput } from "../../support/command_output.ts";
import { readPage } from "../../support/pages.ts";
import { programInShell } from "../../support/shipped_programs.ts";
import { guestMarker } from "../../support/guest_kernel.ts";
import {
  dhcpClient,
  moveBehindRelay,
  plainDhcp,
} from "../../support/plain_dhcp.ts";
import type { RunningProgram } from "../../support/programs.ts";

const ROM = "/usr/lib/ipxe/qemu/pxe-virtio.rom";
const UEFI_LOADER = "/usr/lib/ipxe/snponly.efi";
const LOADERS = '[pxe]\nloaders = "/usr/lib/ipxe"\n';

/** Starts the provider, and beside it a DHCP server that knows nothing. */
async function servePxe(
  lab: BootLab,
  options: ServeOptions = {},
): Promise<RunningProgram> {
  const provider = await lab.serve({ flags: ["--pxe"], ...options });
  await provider.line(
    /Machines that boot by PXE are answered on e0 10\.0\.0\.1;/,
  );
  return provider;
}

/** Boots a machine, and waits for what the image says. */
async function bootsImage(lab: BootLab, kind: MachineKind): Promise<void> {
  const guest = await lab.boot(kind);
  const marker = guestMarker(lab.kernel, lab.word);
  lab.report("the image", await guest.shows(marker, GUEST_LIMIT_MS));
}

interface Way extends Pick<GuestTestOptions, "everyRun" | "files"> {
  readonly kind: MachineKind;
  /** What the log says of it, in this order. */
  readonly lines: readonly RegExp[];
}

const WAYS: Readonly<Record<string, Way>> = {
  "iPXE in a ROM on BIOS": {
    kind: "bios-pxe",
    files: [ROM],
    lines: [/ BIOS x86_64: offered the menu by HTTP$/m],
  },
  "UEFI by PXE": {
    kind: "uefi-pxe",
    everyRun: true,
    files: [UEFI_LOADER],
    lines: [
      / UEFI x86_64: offered the menu, for which snponly\.efi comes by TFTP$/m,
      / UEFI x86_64: offered the menu by HTTP$/m,
    ],
  },
  "UEFI by HTTP boot": {
    kind: "uefi-http",
    files: [UEFI_LOADER],
    lines: [
      / UEFI x86_64: offered the menu, for which snponly\.efi comes by HTTP$/m,
      / UEFI x86_64: offered the menu by HTTP$/m,
    ],
  },
};

for (const [name, { kind, lines, ...options }] of Object.entries(WAYS)) {
  await guestTest(
    `${name} boots by --pxe beside a DHCP server that knows nothing`,
    {
      uefi: kind !== "bios-pxe",
      ...options,
      async body(lab) {
        await lab.plainImage();
        const provider = await servePxe(lab);
        await plainDhcp(lab);
        await bootsImage(lab, kind);
        for (const line of lines) {
          await provider.line(
            new RegExp(`INFO ${GUEST_MAC}${line.source}`, "m"),
          );
        }
      },
    },
  );
}

await guestTest(
  "UEFI HTTP boot gets a unified image at once where its channel is named",
  {
    uefi: true,
    programs: ["objcopy"],
    files: [EFI_STUB],
    async body(lab) {
      const directory = await lab.directory("uki");
      const path = await unifiedKernelImage(lab.kernel, lab.cmdline, directory);
      await lab.image({ "linux.efi": { path } });
      const row =
        `[[machines]]\nmac = "${GUEST_MAC}"\nname = "rack1-07"\nchannel = "stable"\nboot = "network"\n`;
      const provider = await servePxe(lab, { config: row });
      await plainDhcp(lab);
      await bootsImage(lab, "uefi-http");
      await provider.line(
        /INFO 52:54:00:12:34:56 \(rack1-07\) UEFI x86_64: offered stable\/x86_64 by HTTP/,
      );
    },
  },
);

await guestTest("GRUB is the loader where the settings say so", {
  uefi: true,
  programs: ["grub-mkimage"],
  files: ["/usr/lib/grub/x86_64-efi/http.mod"],
  async body(lab) {
    await lab.plainImage();
    const loaders = await lab.directory("loaders");
    // GRUB takes the DHCP server for the one that it came from, so it is told
    // where to ask; Debian's 2.06 does so at port 80 only.
    await grubImage(
      "x86_64-efi",
      [SERVER, "/grub.cfg"],
      `${loaders}/grubnetx64.efi`,
    );
    await servePxe(lab, {
      port: 80,
      config: `[pxe]\nloaders = "${loaders}"\n`,
    });
    await plainDhcp(lab);
    await bootsImage(lab, "uefi-pxe");
  },
});

for (const kind of ["bios-pxe", "uefi-pxe"] as const) {
  await guestTest(`a machine behind a relay boots: ${kind}`, {
    uefi: kind === "uefi-pxe",
    files: [ROM, UEFI_LOADER],
    async body(lab) {
      await lab.plainImage();
      await servePxe(lab, { config: `${LOADERS}relays = true\n` });
      await moveBehindRelay(lab);
      await bootsImage(lab, kind);
    },
  });
}

await guestTest("two providers on one LAN do not keep a machine from booting", {
  uefi: true,
  files: [UEFI_LOADER],
  async body(lab) {
    await lab.plainImage();
    await servePxe(lab);
    await lab.serve({ flags: ["--pxe"], at: "10.0.0.3" });
    await plainDhcp(lab);
    await bootsImage(lab, "uefi-pxe");
  },
});

await guestTest(
  "a client of a DHCP server on the same host renews while machines boot",
  {
    files: [ROM],
    programs: ["busybox"],
    async body(lab) {
      await lab.plainImage();
      const dhcp = await plainDhcp(lab, { onServer: true });
      await servePxe(lab);
      const mac = await dhcpClient(lab);
      // Each is at T1, half of two minutes; the first one gives the lease.
      const renewed = dhcp.logs(
        new RegExp(`(?:DHCPACK\\(e0\\) \\S+ ${mac}[^]*){4}`),
        GUEST_LIMIT_MS,
      );
      let isOver = false;
      const over = renewed.finally(() => isOver = true);
      while (!isOver) await bootsImage(lab, "bios-pxe");
      await over;
    },
  },
);

await guestTest("a machine whose row says local goes on to its disk", {
  files: [ROM],
  async body(lab) {
    await lab.plainImage();
    const row = `[[machines]]\nmac = "${GUEST_MAC}"\nboot = "local"\n`;
    const provider = await servePxe(lab, { config: row });
    await plainDhcp(lab);
    const disk = `${await lab.directory("disk")}/disk.raw`;
    await Deno.writeFile(disk, bootableDisk());
    const guest = await lab.boot("bios-pxe", { disk });
    const marker = new RegExp(DISK_MARKER);
    lab.report("the disk", await guest.shows(marker, GUEST_LIMIT_MS));
    await provider.line(
      /INFO 52:54:00:12:34:56 BIOS x86_64: left to its own disk/,
    );
  },
});

/** The commands of docs/netboot.md, block by block. */
async function netbootCommands(): Promise<string[]> {
  const page = await Deno.readTextFile(
    new URL("../../../docs/netboot.md", import.meta.url),
  );
  return readPage(page).map(({ commands }) => commands);
}

await guestTest(
  "the first machine of docs/netboot.md boots by the commands that stand there",
  {
    programs: ["bash"],
    files: [ROM],
    async body(lab) {
      await lab.plainImage();
      const [, network = "", serve = "", machine = ""] =
        await netbootCommands();
      const host = await lab.network.host();
      const program = programInShell("plasmd");
      const run = async (commands: string) =>
        host.start(
          "bash",
          "-ec",
          [
            `export HOME=${await lab.directory("home")} DENO_NO_UPDATE_CHECK=1`,
            `plasmd() { exec ${program} "$@"; }`,
            commands.replaceAll(
              "/srv/images",
              await lab.directory("artifacts"),
            ),
          ].join("\n") + " 2>&1",
        );
      await (await run(network)).done();
      const provider = await run(serve);
      await provider.line("answered on br-pxe 10.78.0.1;", 30_000);
      const guest = await run(machine);
      await guest.line(`GUEST UP ${lab.kernel.release}`, GUEST_LIMIT_MS);
      await provider.line("BIOS x86_64: offered the menu by HTTP");
      // dnsmasq has left its terminal.
      const [, , , namespace = ""] = host.prefix;
      const pids = await commandOutput("ip", ["netns", "pids", namespace]);
      for (const pid of pids.trim().split("\n")) {
        await commandOutput("kill", [pid]).catch(() => {}); // it has just ended
      }
    },
  },
);
