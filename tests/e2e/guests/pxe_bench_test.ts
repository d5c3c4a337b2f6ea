/**
 * How soon a bare machine boots by one command, beside pixiecore where that or
 * Go is at hand: `deno task e2e --pxe-bench`. From the start of the provider to
 * what the image says, in three runs each.
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
import { plainDhcp } from "../../support/plain_dhcp.ts";

const FLAG = "--pxe-bench";
const RUNS = 3;
const KINDS: readonly MachineKind[] = ["bios-pxe", "uefi-pxe", "uefi-http"];

/** A provider that is started for one run. */
type Start = (lab: BootLab) => Promise<AsyncDisposable>;

async function compares(name: string, kind: MachineKind, start: Start) {
  await guestTest(`${name}: ${kind}`, {
    flag: FLAG,
    uefi: kind !== "bios-pxe",
    files: ["/usr/lib/ipxe/snponly.efi"],
    async body(lab) {
      await lab.plainImage();
      await plainDhcp(lab);
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
    const provider = await lab.serve({ flags: ["--pxe"] });
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
