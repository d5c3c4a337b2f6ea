/**
 * A LAN of its own with a provider, a DHCP server and machines that boot from
 * the network.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Fault } from "./faulty_proxy.ts";
import {
  Guest,
  GUEST_MAC,
  type MachineKind,
  OVMF_CODE,
  QEMU,
} from "./guest.ts";
import { type GuestKernel, guestKernel, guestMarker } from "./guest_kernel.ts";
import { type LabProgram, until } from "./lab_program.ts";
import { sha256Hex } from "./memory_catalog.ts";
import { type LabHost, labObstacle, NetworkLab } from "./network_lab.ts";
import { type RunningProgram, start, temporaryDirectory } from "./programs.ts";

/** The provider, where examples/ have it, too. */
export const SERVER = "10.0.0.1";
/** How long a guest may take: a busy machine is ten times as slow. */
export const GUEST_LIMIT_MS = 300_000;
const DHCP_RANGE = "--dhcp-range=10.0.0.100,10.0.0.199,12h";
const LOADERS = '[pxe]\nloaders = "/usr/lib/ipxe"\n';
const TEST_LIMIT_MS = GUEST_LIMIT_MS + 60_000;
const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));

/** What a test needs beside QEMU and a kernel. */
export interface GuestTestOptions {
  /** Whether it belongs to every run of the tests; else only to `--all`. */
  readonly everyRun?: boolean;
  /** The flag that it takes, in place of `--all`. */
  readonly flag?: string;
  readonly programs?: readonly string[];
  readonly files?: readonly string[];
  /** Whether the firmware is OVMF. */
  readonly uefi?: boolean;
  readonly body: (lab: BootLab) => Promise<void>;
}

/** examples/dnsmasq.conf with its other line for UEFI HTTP boot: by iPXE. */
export function httpBootByLoader(example: string): string {
  return example
    .replace(/^dhcp-boot=tag:http-x86_64,.*$/m, "")
    .replace(/^# (dhcp-boot=tag:http-x86_64,)/m, "$1");
}

/** Registers a test with machines; a name says why one is skipped. */
export async function guestTest(
  name: string,
  options: GuestTestOptions,
): Promise<void> {
  const { everyRun = false, flag = "--all", body } = options;
  const kernel = everyRun || Deno.args.includes(flag)
    ? await obstacle(options) ?? await sharedKernel()
    : `only with e2e ${flag}`;
  Deno.test({
    name: typeof kernel === "string" ? `${name} (skipped: ${kernel})` : name,
    ignore: typeof kernel === "string",
    timeout: TEST_LIMIT_MS,
    async fn() {
      if (typeof kernel === "string") return;
      await using lab = await BootLab.open(name, kernel);
      await body(lab);
    },
  });
}

async function obstacle(
  { programs = [], files = [], uefi = false }: GuestTestOptions,
): Promise<string | undefined> {
  const missing = labObstacle([QEMU, "dnsmasq", "dpkg-deb", ...programs]);
  if (missing !== undefined) return missing;
  for (const path of ["/dev/net/tun", ...uefi ? [OVMF_CODE] : [], ...files]) {
    const found = await Deno.stat(path).then(() => true, () => false);
    if (!found) return `no ${path} here`;
  }
  return undefined;
}

let kernelOnce: ReturnType<typeof guestKernel> | undefined;

function sharedKernel(): ReturnType<typeof guestKernel> {
  return kernelOnce ??= guestKernel();
}

/** How the provider is started. */
export interface ServeOptions {
  /** Of HTTP, 8080 unless said otherwise. */
  readonly port?: number;
  /** Something that goes wrong once, in front of the provider. */
  readonly fault?: Fault | undefined;
  /** Further flags, such as `--pxe`. */
  readonly flags?: readonly string[];
  /** Its configuration. */
  readonly config?: string;
  /** On a further host of the LAN, instead of at {@linkcode SERVER}. */
  readonly at?: string;
}

/** A running DHCP server. */
export interface DhcpServer {
  /** Waits until its log holds something. */
  logs(pattern: RegExp, timeoutMs?: number): Promise<void>;
  /** Ends it, for another one to take its place. */
  end(): Promise<void>;
}

/** The LAN of one test. */
export class BootLab implements AsyncDisposable {
  readonly kernel: GuestKernel;
  /** Where the provider is. */
  readonly server: LabHost;
  /** The hosts around it. */
  readonly network: NetworkLab;
  /** The name of its LAN in `network`; machines are plugged in here. */
  lan: string;
  /** A word for the kernel's command line that only this test has. */
  readonly word = `guest=${crypto.randomUUID().slice(0, 8)}`;
  readonly #name: string;
  readonly #stack: AsyncDisposableStack;
  readonly #directory: string;
  #proxy: LabProgram | undefined;

  private constructor(
    name: string,
    kernel: GuestKernel,
    stack: AsyncDisposableStack,
    network: { lab: NetworkLab; lan: string; server: LabHost },
    directory: string,
  ) {
    this.#name = name;
    this.kernel = kernel;
    this.#stack = stack;
    ({ lab: this.network, lan: this.lan, server: this.server } = network);
    this.#directory = directory;
  }

  /** A LAN with a server at {@linkcode SERVER} that serves nothing yet. */
  static async open(name: string, kernel: GuestKernel): Promise<BootLab> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    const lab = stack.use(await NetworkLab.open());
    const lan = await lab.lan("br0");
    const server = await lab.hostOn(lan, `${SERVER}/24`, "fd00:10::1/64");
    return new BootLab(
      name,
      kernel,
      stack.move(),
      { lab, lan, server },
      path,
    );
  }

  /**
   * The command line that makes the guest say where it came from. On a busy
   * machine QEMU's timer may miss what the kernel takes for a test of it.
   */
  get cmdline(): string {
    return `console=ttyS0 panic=-1 no_timer_check ${this.word}`;
  }

  /** A directory of the test's own, for files of a kind. */
  async directory(name: string): Promise<string> {
    const path = join(this.#directory, name);
    await Deno.mkdir(path, { recursive: true });
    return path;
  }

  /** Puts files into an image: name to path, or to text. */
  async image(
    files: Readonly<Record<string, { path: string } | string>>,
    image = "stable/x86_64",
  ): Promise<void> {
    const directory = await this.directory(`artifacts/${image}`);
    for (const [name, from] of Object.entries(files)) {
      const to = join(directory, name);
      if (typeof from === "string") await Deno.writeTextFile(to, from);
      else await Deno.copyFile(from.path, to);
    }
  }

  /** Kernel, initramfs and command line as files of the image. */
  async plainImage(): Promise<void> {
    await this.image({
      vmlinuz: { path: this.kernel.kernelPath },
      "initramfs.img": { path: this.kernel.initramfsPath },
      cmdline: this.cmdline,
    });
  }

  /**
   * The same with a command line that leaves open what boot scripts fill in.
   *
   * @param port of HTTP
   * @returns what the guest says when they have
   */
  async imageWithPlaceholders(port: number): Promise<RegExp> {
    await this.plainImage();
    const cmdline =
      `${this.cmdline} mac={mac} root={url}/rootfs sum={sha256:initramfs}`;
    await this.image({ cmdline });
    const sha256 = await sha256Hex(
      await Deno.readFile(this.kernel.initramfsPath),
    );
    const url = `http://${SERVER}:${port}/stable/x86_64`;
    return guestMarker(
      this.kernel,
      `${this.word} mac=${GUEST_MAC} root=${url}/rootfs sum=${sha256}`,
    );
  }

  /** Serves the image. */
  async serve(
    {
      port = 8080,
      fault,
      flags = [],
      config: settings = LOADERS,
      at = SERVER,
    }: ServeOptions = {},
  ): Promise<RunningProgram> {
    const host = at === SERVER
      ? this.server
      : await this.network.hostOn(this.lan, `${at}/24`);
    const behind = fault === undefined
      ? { address: at, port }
      : { address: "127.0.0.1", port: 8081 };
    const config = join(this.#directory, "plasmd.toml");
    await Deno.writeTextFile(config, settings);
    const provider = this.#stack.use(start("plasmd", [
      ...["serve", "--config", config],
      ...["--artifacts", await this.directory("artifacts")],
      ...["--no-dht", "--no-mdns"],
      ...["--bind", behind.address, "--port", String(behind.port)],
      ...["--state-dir", await this.directory(`state-${at}`)],
      ...flags,
    ], { prefix: host.prefix }));
    await provider.line(/Found [1-9]/);
    if (fault !== undefined) {
      this.#proxy = this.server.startDeno(
        "faulty_proxy.ts",
        ...[SERVER, String(port), String(behind.port), JSON.stringify(fault)],
      );
      await this.#proxy.line("listening");
    }
    return provider;
  }

  /** The requests that came by the proxy. */
  get requests(): readonly string[] {
    return this.#proxy?.lines.slice(1) ?? [];
  }

  /**
   * The DHCP server of examples/dnsmasq.conf, as it stands there but for what
   * `change` makes of it.
   */
  async dhcpOfExample(
    change: (example: string) => string = (example) => example,
  ): Promise<DhcpServer> {
    const path = join(this.#directory, "dnsmasq.conf");
    const example = await Deno.readTextFile(`${EXAMPLES}dnsmasq.conf`);
    await Deno.writeTextFile(path, change(example));
    return await this.dnsmasq(this.server, `--conf-file=${path}`);
  }

  /** A DHCP and TFTP server that names one file to everybody. */
  async dhcp(tftpDirectory: string, file: string): Promise<void> {
    await this.dnsmasq(
      this.server,
      "--conf-file=",
      DHCP_RANGE,
      "--enable-tftp",
      `--tftp-root=${tftpDirectory}`,
      `--dhcp-boot=${file}`,
    );
  }

  /**
   * The DHCP server of examples/kea-dhcp4.json, as it stands there but for
   * leases on disk, with a TFTP server beside it.
   */
  async dhcpOfKeaExample(): Promise<void> {
    const example = await Deno.readTextFile(`${EXAMPLES}kea-dhcp4.json`);
    const path = join(this.#directory, "kea-dhcp4.json");
    await Deno.writeTextFile(
      path,
      example.replace('"memfile"', '"memfile", "persist": false'),
    );
    const kea = this.server.start(
      "env",
      ...["KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR"].map((name) =>
        `${name}=${this.#directory}`
      ),
      // It logs to stderr.
      ...["sh", "-c", 'exec kea-dhcp4 -c "$0" 2>&1', path],
    );
    await kea.line("DHCP4_STARTED");
    await this.dnsmasq(
      this.server,
      "--conf-file=",
      "--enable-tftp",
      "--tftp-root=/usr/lib/ipxe",
    );
  }

  /** A DHCP server, or a relay of one, with these arguments. */
  async dnsmasq(host: LabHost, ...args: string[]): Promise<DhcpServer> {
    const log = join(this.#directory, `dnsmasq-${crypto.randomUUID()}.log`);
    const program = host.start(
      "dnsmasq",
      ...args,
      ...["--keep-in-foreground", "--user=root", "--port=0", "--pid-file"],
      ...["--interface=e0", "--bind-interfaces", `--log-facility=${log}`],
      `--dhcp-leasefile=${join(this.#directory, "leases")}`,
      // iPXE waits 16 s where nobody advertises an IPv6 router.
      ...["--enable-ra", "--dhcp-range=::,constructor:e0,ra-only"],
    );
    const logs = (pattern: RegExp, timeoutMs?: number) =>
      until(`dnsmasq logs ${pattern}`, async () => {
        const text = await Deno.readTextFile(log).catch(() => "");
        return pattern.test(text);
      }, timeoutMs);
    await logs(/IP range|TFTP root/);
    return { logs, end: async () => void await program.end() };
  }

  /**
   * Switches a machine on.
   *
   * @param options.disk its only one, as an image of its bytes
   */
  async boot(
    kind: MachineKind,
    { disk }: { readonly disk?: string } = {},
  ): Promise<Guest> {
    return this.#stack.use(
      await Guest.start({
        kind,
        disk,
        port: await this.network.machinePort(this.lan),
        directory: await this.directory("machine"),
      }),
    );
  }

  /** Says how long a guest took. */
  report(what: string, seconds: number): void {
    const line = `guest: ${this.#name}: ${what} after ${
      seconds.toFixed(1)
    } s\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
