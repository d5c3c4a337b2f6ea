/**
 * A LAN where machines start with what examples/initramfs makes, which finds an
 * image, fetches it and hands over to its kernel.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { commandOutput } from "./command_output.ts";
import { type DirectKernel, Guest, QEMU, QEMU_ARM64 } from "./guest.ts";
import {
  guestInitramfs,
  type GuestKernel,
  guestMarker,
} from "./guest_kernel.ts";
import { type LabProgram, until } from "./lab_program.ts";
import { type LabHost, labObstacle, NetworkLab } from "./network_lab.ts";
import { type RunningProgram, start, temporaryDirectory } from "./programs.ts";
import { runsSource } from "./shipped_programs.ts";
import { writeKeys } from "./signed_image.ts";
import { testSigningKey } from "./signing_keys.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** How long a guest may take: a busy machine is ten times as slow. */
export const GUEST_LIMIT_MS = 300_000;
const PROGRAMS = [
  ...["dnsmasq", "dpkg-deb", "busybox", "cpio", "readelf", "zstd"],
  ...["mkfs.ext4", "debugfs", "curl"],
];

/** Whom the machines trust, and somebody else. */
export const [owner, stranger] = await Promise.all([
  testSigningKey(41),
  testSigningKey(42),
]);

/** Where the DHCP server and the first provider are. */
export const SERVER = "10.0.0.1";

/** An architecture that machines have here. */
export type MachineArch = "x86_64" | "arm64";

/**
 * Registers a test with a machine; a name says why one is skipped.
 *
 * @param options.runs in every run of the tests, only with `e2e --all`, or only
 * with `e2e --arm64`
 */
export async function handoverTest(
  name: string,
  { runs = "--all", body }: {
    readonly runs?: "always" | "--all" | "--arm64";
    readonly body: (lab: HandoverLab) => Promise<void>;
  },
): Promise<void> {
  const arch = runs === "--arm64" ? "arm64" : "x86_64";
  const stages = runs === "always" || Deno.args.includes(runs)
    ? await obstacle(arch) ?? await stagesOf(arch)
    : `only with e2e ${runs}`;
  const isSkipped = typeof stages === "string";
  Deno.test({
    name: `A machine ${name}${isSkipped ? ` (skipped: ${stages})` : ""}`,
    ignore: isSkipped,
    timeout: GUEST_LIMIT_MS + 60_000,
    async fn() {
      if (typeof stages === "string") return;
      await using lab = await HandoverLab.open(name, stages);
      await body(lab);
    },
  });
}

async function obstacle(arch: MachineArch): Promise<string | undefined> {
  if (runsSource) return "the bundle boots machines, not the source";
  const own = arch === "x86_64" ? [QEMU] : [QEMU_ARM64, "npm", "tar"];
  const missing = labObstacle([...own, ...PROGRAMS]);
  if (missing !== undefined) return missing;
  const hasTun = await Deno.stat("/dev/net/tun").then(() => true, () => false);
  return hasTun ? undefined : "no /dev/net/tun here";
}

/** What machines start with, and what that starts. */
interface Stages {
  readonly arch: MachineArch;
  /** Made by examples/initramfs/build.sh. */
  readonly first: GuestKernel;
  /** The same kernel with an initramfs that says so. */
  readonly second: GuestKernel;
}

const stagesOnce = new Map<MachineArch, Promise<Stages | string>>();

/** @returns or why it cannot be had */
function stagesOf(arch: MachineArch): Promise<Stages | string> {
  const known = stagesOnce.get(arch);
  if (known !== undefined) return known;
  const made = makeStages(arch).catch((error) =>
    String(error).split("\n")[0] ?? ""
  );
  stagesOnce.set(arch, made);
  return made;
}

async function makeStages(arch: MachineArch): Promise<Stages> {
  const directory = await Deno.makeTempDir({ prefix: "plasm-stages-" });
  globalThis.addEventListener(
    "unload",
    () => Deno.removeSync(directory, { recursive: true }),
  );
  const trust = join(directory, "trust.toml");
  await Deno.writeTextFile(
    trust,
    `keys = ["${owner.publicKey.keyId}"]\nthreshold = 1\n`,
  );
  const said = await commandOutput(`${ROOT}examples/initramfs/build.sh`, [
    ...["--program", `${ROOT}dist/phase_discover.js`, "--arch", arch],
    ...["--deno", await denoFor(arch, directory), "--trust", trust, directory],
  ]);
  const first = {
    release: /Linux (\S+),/.exec(said)?.[1] ?? "",
    kernelPath: join(directory, "vmlinuz"),
    initramfsPath: join(directory, "initramfs.img"),
  };
  await commandOutput("sh", [
    "-c",
    'zstd -dc "$0" | cpio --quiet -id bin/busybox',
    first.initramfsPath,
  ], { cwd: directory });
  const busybox = await Deno.readFile(join(directory, "bin/busybox"));
  const initramfsPath = join(directory, "second.img");
  await Deno.writeFile(initramfsPath, await guestInitramfs(busybox));
  return { arch, first, second: { ...first, initramfsPath } };
}

/** Deno's binary for an architecture, of the version that runs the tests. */
async function denoFor(arch: MachineArch, directory: string): Promise<string> {
  if (arch === "x86_64") return Deno.execPath();
  const name = `@deno/linux-arm64-glibc@${Deno.version.deno}`;
  await commandOutput("npm", ["pack", "--silent", name], { cwd: directory });
  await commandOutput("sh", ["-c", "tar -xzf deno-*.tgz package/deno"], {
    cwd: directory,
  });
  return join(directory, "package/deno");
}

/** An image to serve. */
export interface ImageToServe {
  /** `channel/arch`. */
  readonly name?: string;
  readonly version: string;
}

/** A provider to start. */
export interface ServeOptions {
  /** Below the directory of the test; where its images are. */
  readonly artifacts?: string;
  /** Signs what it serves. */
  readonly key?: SigningKey;
  /** Further arguments; without any, it advertises by mDNS alone. */
  readonly args?: readonly string[];
  /** Text of its configuration. */
  readonly config?: string;
}

/** The LAN of one test. */
export class HandoverLab implements AsyncDisposable {
  readonly #name: string;
  readonly #stages: Stages;
  readonly #stack: AsyncDisposableStack;
  readonly #network: NetworkLab;
  readonly #lan: string;
  readonly #directory: string;
  /** A word that only the kernels of this test have on their command line. */
  readonly #word = `guest=${crypto.randomUUID().slice(0, 8)}`;
  /** At {@linkcode SERVER}. */
  readonly server: LabHost;

  private constructor(
    name: string,
    stages: Stages,
    stack: AsyncDisposableStack,
    network: { lab: NetworkLab; lan: string; server: LabHost },
    directory: string,
  ) {
    this.#name = name;
    this.#stages = stages;
    this.#stack = stack;
    ({ lab: this.#network, lan: this.#lan, server: this.server } = network);
    this.#directory = directory;
  }

  /** A LAN with a server at {@linkcode SERVER} that gives addresses. */
  static async open(name: string, stages: Stages): Promise<HandoverLab> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    const lab = stack.use(await NetworkLab.open());
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, `${SERVER}/24`, "fd00:10::1/64");
    return new HandoverLab(
      name,
      stages,
      stack.move(),
      { lab, lan, server },
      path,
    );
  }

  /** Another host, at an address such as `10.0.0.2`. */
  host(address: string): Promise<LabHost> {
    return this.#network.hostOn(this.#lan, `${address}/24`);
  }

  /** A directory of the test's own. */
  async directory(name: string): Promise<string> {
    const path = join(this.#directory, name);
    await Deno.mkdir(path, { recursive: true });
    return path;
  }

  /** Makes an image that says so when it runs. @returns its directory */
  async image(
    { name = `stable/${this.#stages.arch}`, version }: ImageToServe,
    artifacts = "artifacts",
  ): Promise<string> {
    const { kernelPath, initramfsPath } = this.#stages.second;
    const directory = await this.directory(`${artifacts}/${name}`);
    await Deno.copyFile(kernelPath, join(directory, "vmlinuz"));
    await Deno.copyFile(initramfsPath, join(directory, "initramfs.img"));
    await Deno.writeTextFile(join(directory, "version"), version);
    await Deno.writeTextFile(
      join(directory, "cmdline"),
      `${this.#console} ${this.#word}`,
    );
    return directory;
  }

  /** Makes stage one an image, for iPXE. */
  async stageOneAsImage(name: string, ...words: string[]): Promise<void> {
    const { kernelPath, initramfsPath } = this.#stages.first;
    const directory = await this.directory(`artifacts/${name}`);
    await Deno.copyFile(kernelPath, join(directory, "vmlinuz"));
    await Deno.copyFile(initramfsPath, join(directory, "initramfs.img"));
    await Deno.writeTextFile(join(directory, "cmdline"), this.#cmdline(words));
  }

  #cmdline(words: readonly string[]): string {
    return [this.#console, "quiet", "plasm.fail=poweroff", ...words].join(" ");
  }

  get #console(): string {
    const name = this.#stages.arch === "x86_64" ? "ttyS0" : "ttyAMA0";
    return `console=${name} panic=-1`;
  }

  /** What an image says that runs, and was started as a version. */
  marker(version: string): RegExp {
    const words = `${this.#word} plasm.version=${version}`;
    return guestMarker(this.#stages.second, words);
  }

  /** Starts `plasmd serve`; resolves when images can be found. */
  async serve(
    host: LabHost,
    {
      artifacts = "artifacts",
      key = owner,
      args = ["--no-dht"],
      config = "",
    }: ServeOptions = {},
  ): Promise<RunningProgram> {
    const own = await this.directory(crypto.randomUUID());
    await writeKeys(own, { "signing.pem": key });
    await Deno.writeTextFile(join(own, "plasmd.toml"), config);
    const provider = this.start(host, [
      ...["serve", "--config", join(own, "plasmd.toml")],
      ...["--artifacts", await this.directory(artifacts)],
      ...["--signing-key", join(own, "signing.pem"), "--state-dir", own],
      ...args,
    ]);
    await provider.line(/Advertising stable\//);
    return provider;
  }

  /** Starts `plasmd` on a host. */
  start(host: LabHost, args: readonly string[]): RunningProgram {
    return this.#stack.use(start("plasmd", args, { prefix: host.prefix }));
  }

  /** Serves the files of a directory, and says by mDNS what it likes. */
  async lie(directory: string): Promise<void> {
    const port = 8080;
    this.server.start(
      ...["busybox", "httpd", "-f", "-p", `${SERVER}:${port}`] as const,
      ...["-h", directory],
    );
    const advertiser = this.server.startDeno(
      "mdns_provider.ts",
      JSON.stringify({ hostName: "liar", images: ["stable/x86_64"], port }),
    );
    await advertiser.line('"ready"', 20_000);
  }

  /** Starts the DHCP server, which may name what to boot. */
  async dhcp(bootFile?: string): Promise<LabProgram> {
    const log = join(this.#directory, "dnsmasq.log");
    const program = this.server.start(
      ...["dnsmasq", "--conf-file=", "--keep-in-foreground"] as const,
      ...["--user=root", "--port=0", "--pid-file", "--no-ping"],
      ...["--interface=e0", "--bind-interfaces", `--log-facility=${log}`],
      `--dhcp-leasefile=${join(this.#directory, "leases")}`,
      "--dhcp-range=10.0.0.100,10.0.0.199,12h",
      // iPXE waits 16 s where nobody advertises an IPv6 router.
      ...["--enable-ra", "--dhcp-range=::,constructor:e0,ra-only"],
      ...bootFile === undefined ? [] : [`--dhcp-boot=${bootFile}`],
    );
    await until("dnsmasq gives addresses", async () => {
      const text = await Deno.readTextFile(log).catch(() => "");
      return text.includes("IP range");
    });
    return program;
  }

  /** Makes a disk of a file system with files: name to text. */
  async disk(files: Readonly<Record<string, string>>): Promise<string> {
    const directory = await this.directory("disk");
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(directory, name), text);
    }
    const path = join(this.#directory, "disk.raw");
    await commandOutput("mkfs.ext4", [
      ...["-q", "-O", "^has_journal", "-d", directory, path, "8M"],
    ]);
    return path;
  }

  /** What a file on a disk holds. */
  async fileOnDisk(disk: string, name: string): Promise<string> {
    return await commandOutput("debugfs", ["-R", `cat /${name}`, disk]);
  }

  /** Switches a machine on with stage one, and words for it. */
  async boot(
    words: readonly string[],
    options: { readonly disk?: string; readonly memoryMib?: number } = {},
  ): Promise<Guest> {
    return await this.#start({
      ...this.#stages.first,
      cmdline: this.#cmdline(words),
      arch: this.#stages.arch,
    }, options);
  }

  /** Switches a machine on that boots by the ROM of its network card, iPXE. */
  async bootFromNetwork(): Promise<Guest> {
    return await this.#start("bios-pxe");
  }

  async #start(
    kind: "bios-pxe" | DirectKernel,
    options: { readonly disk?: string; readonly memoryMib?: number } = {},
  ): Promise<Guest> {
    return this.#stack.use(
      await Guest.start({
        kind,
        ...options,
        port: await this.#network.machinePort(this.#lan),
        directory: await this.directory("machine"),
      }),
    );
  }

  /** Waits until an image runs that was started as a version. */
  async runs(guest: Guest, version: string): Promise<void> {
    const seconds = await guest.shows(this.marker(version), GUEST_LIMIT_MS);
    this.#report("the image runs", seconds);
  }

  /** Waits until stage one gives up with an exit code, having started nothing. */
  async givesUp(guest: Guest, exitCode: number): Promise<void> {
    const said = new RegExp(`plasm: exit code ${exitCode}: `);
    this.#report(
      `exit code ${exitCode}`,
      await guest.shows(said, GUEST_LIMIT_MS),
    );
    await guest.shows(/Power down/, GUEST_LIMIT_MS);
    assert.doesNotMatch(guest.console, /starting version|GUEST UP/);
  }

  #report(what: string, seconds: number): void {
    const line = `guest: a machine ${this.#name}: ${what} after ${
      seconds.toFixed(1)
    } s\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
