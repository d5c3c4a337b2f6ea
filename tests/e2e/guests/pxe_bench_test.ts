/**
 * How soon a bare machine boots by one command, beside pixiecore where that or
 * Go is at hand: `deno task e2e --pxe-bench`, and for one kind of machine `deno
 * task bench:all boot`. From the start of the provider to what an image says that
 * has lain there for a while, in three runs each (`--runs=1`, `--kind=bios-pxe`),
 * on a LAN without IPv6. `PXE_LOADERS` names another directory of iPXE's builds:
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
const RUNS = Number(option("runs") ?? 3);
/** A file that was just written would be waited for, of the first provider alone. */
const SETTLED_MS = 3000;
const ALL_KINDS = ["bios-pxe", "uefi-pxe", "uefi-http"] as const;
const KINDS: readonly MachineKind[] = ALL_KINDS
  .filter((kind) => kind === (option("kind") ?? kind));

const LOADERS = Deno.env.get("PXE_LOADERS") ?? "/usr/lib/ipxe";

function option(name: string): string | undefined {
  const prefix = `--${name}=`;
  return Deno.args.find((arg) => arg.startsWith(prefix))?.slice(prefix.length);
}

/** A provider that is started for one run. */
type Start = (lab: BootLab) => Promise<AsyncDisposable>;

/** @param unknown what becomes of the machine: pixiecore asks nobody, either */
function servePlasmd(unknown: "menu" | "stable"): Start {
  return async (lab) => {
    const config = `[pxe]\nloaders = "${LOADERS}"\nunknown = "${unknown}"\n`;
    const provider = await lab.serve({ flags: ["--pxe"], config });
    await provider.line(/are answered on/);
    return provider;
  };
}

function servePixiecore(path: string): Start {
  return async (lab) => {
    const { kernelPath, initramfsPath } = lab.kernel;
    const program = lab.server.start(
      "sh",
      ...["-c", 'exec "$0" "$@" 2>&1', path],
      ...["boot", kernelPath, initramfsPath, "--cmdline", lab.cmdline],
      ...["--dhcp-no-bind", "--listen-addr", SERVER, "--debug"],
    );
    await program.line("Init");
    return program;
  };
}

/** Boots one machine by each provider, in turn: a busy machine is so for all. */
async function compares(
  name: string,
  kind: MachineKind,
  providers: ReadonlyMap<string, Start>,
): Promise<void> {
  await guestTest(name, {
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
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
      for (const [provider, start] of providers) {
        const startMs = performance.now();
        await using _provider = await start(lab);
        await using guest = await lab.boot(kind);
        await guest.shows(guestMarker(lab.kernel, lab.word), GUEST_LIMIT_MS);
        lab.report(provider, (performance.now() - startMs) / 1000);
      }
    },
  });
}

/** Its last; it has no releases. */
const PIXIECORE = "go.universe.tf/netboot v0.0.0-20240531232330-2ed7bd30206a";

/**
 * pixiecore, as it is installed here, or made by Go.
 *
 * @returns or why there is none
 */
async function findPixiecore(): Promise<{ path: string } | { why: string }> {
  const path = await commandOutput("sh", ["-c", "command -v pixiecore"])
    .catch(() => "");
  return path === "" ? await makePixiecore() : { path: path.trim() };
}

async function makePixiecore(): Promise<{ path: string } | { why: string }> {
  const directory = await Deno.makeTempDir({ prefix: "plasm-pixiecore-" });
  const path = join(directory, "pixiecore");
  const remove = () => Deno.removeSync(directory, { recursive: true });
  await Deno.writeTextFile(
    join(directory, "go.mod"),
    `module bench\n\ngo 1.20\n\nrequire ${PIXIECORE}\n`,
  );
  const build = ["build", "-mod=mod", "-o", path];
  try {
    await commandOutput(
      "go",
      [...build, "go.universe.tf/netboot/cmd/pixiecore"],
      { cwd: directory },
    );
    addEventListener("unload", remove);
    return { path };
  } catch (error) {
    remove();
    return { why: String(error).split("\n")[0]?.slice(0, 120) ?? "" };
  }
}

const pixiecore = Deno.args.includes(FLAG)
  ? await findPixiecore()
  : { why: `only with ${FLAG}` };
if ("why" in pixiecore) {
  Deno.test.ignore(
    `beside pixiecore (skipped: ${pixiecore.why}; elsewhere it took 23.7 s by BIOS, 12.2 s by UEFI)`,
    () => {},
  );
}

for (const kind of KINDS) {
  const providers = new Map([
    ["plasmd by its menu", servePlasmd("menu")],
    ["plasmd by the channel", servePlasmd("stable")],
  ]);
  // It knows no HTTP boot: "unsupported firmware type 16".
  if ("path" in pixiecore && kind !== "uefi-http") {
    providers.set("pixiecore", servePixiecore(pixiecore.path));
  }
  for (let run = 1; run <= RUNS; run++) {
    await compares(`a first boot, ${kind}, run ${run}`, kind, providers);
  }
}
