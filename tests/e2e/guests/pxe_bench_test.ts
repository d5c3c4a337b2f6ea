/**
 * How soon a bare machine boots by one command, beside pixiecore where that or
 * Go is at hand: `deno task e2e --pxe-bench`, or alone `deno task bench:pxe`.
 * From the start of the provider to what the image says, in three runs each, on
 * a LAN without IPv6. `PXE_LOADERS` names another directory of iPXE's builds:
 * those of 2021 and later read the autoexec.ipxe beside them.
 */
import { join } from "node:path";
import {
  type BootLab,
  GUEST_LIMIT_MS,
  guestTest,
  SERVER,
} from "../../support/boot_lab.ts";
import { commandOutput } from "../../support/command_output.ts";
import type { MachineKind } from "../../support/guest.ts";
import { guestMarker } from "../../support/guest_kernel.ts";

const FLAG = "--pxe-bench";
const RUNS = 3;
const KINDS: readonly MachineKind[] = ["bios-pxe", "uefi-pxe", "uefi-http"];

const LOADERS = Deno.env.get("PXE_LOADERS") ?? "/usr/lib/ipxe";

/** A provider that is started for one run. */
type Start = (lab: BootLab) => Promise<AsyncDisposable>;

async function compares(name: string, kind: MachineKind, start: Start) {
  await guestTest(`${name}: ${kind}`, {
    flag: FLAG,
    uefi: kind !== "bios-pxe",
    files: [`${LOADERS}/snponly.efi`],
    async body(lab) {
      await lab.plainImage();
      // Nobody tells of an IPv6 router, for which iPXE waits 16 s by itself.
      const dhcp = await lab.network.hostOn(lab.lan, "10.0.0.2/24");
      dhcp.start(
        "dnsmasq",
        ...["--conf-file=", "--keep-in-foreground", "--user=root", "--port=0"],
        ...["--pid-file", "--leasefile-ro", "--interface=e0", "--no-ping"],
        "--dhcp-range=10.0.0.100,10.0.0.199,12h",
      );
      for (let run = 1; run <= RUNS; run++) {
        const startMs = performance.now();
        await using _provider = await start(lab);
        await using guest = await lab.boot(kind);
        await guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS);
        lab.report(`run ${run}`, (performance.now() - startMs) / 1000);
      }
    },
  });
}

for (const kind of KINDS) {
  await compares("plasmd serve --pxe", kind, async (lab) => {
    const config = `[pxe]\nloaders = "${LOADERS}"\n`;
    const provider = await lab.serve({ flags: ["--pxe"], config });
    await provider.line(/are answered on/);
    return provider;
  });
}

/**
 * The program that `PIXIECORE` names, or one that Go installs.
 *
 * @returns or why there is none
 */
async function findPixiecore(): Promise<{ path: string } | { why: string }> {
  const named = Deno.env.get("PIXIECORE");
  if (named !== undefined) return { path: named };
  const directory = await Deno.makeTempDir({ prefix: "plasm-pixiecore-" });
  try {
    await commandOutput(
      "go",
      ["install", "go.universe.tf/netboot/cmd/pixiecore@latest"],
      { env: { GOBIN: directory } },
    );
    return { path: join(directory, "pixiecore") };
  } catch (error) {
    await Deno.remove(directory, { recursive: true });
    return { why: String(error).split("\n")[0]?.slice(0, 120) ?? "" };
  }
}

const pixiecore = Deno.args.includes(FLAG)
  ? await findPixiecore()
  : { why: `only with ${FLAG}` };

// It knows no HTTP boot: "unsupported firmware type 16".
for (const kind of ["bios-pxe", "uefi-pxe"] as const) {
  if ("why" in pixiecore) {
    Deno.test.ignore(
      `pixiecore: ${kind} (skipped: ${pixiecore.why}; elsewhere it took 22 s by BIOS, 16 s by UEFI)`,
      () => {},
    );
    continue;
  }
  await compares("pixiecore", kind, async (lab) => {
    const { kernelPath, initramfsPath } = lab.kernel;
    const program = lab.server.start(
      "sh",
      ...["-c", 'exec "$0" "$@" 2>&1', pixiecore.path],
      ...["boot", kernelPath, initramfsPath, "--cmdline", lab.cmdline],
      ...["--dhcp-no-bind", "--listen-addr", SERVER, "--debug"],
    );
    await program.line("Init");
    return program;
  });
}
