import { commandOutput } from "./command_output.ts";
import { LabProgram, until } from "./lab_program.ts";

/**
 * Why network namespaces, or the programs named, cannot be used here;
 * undefined when they can.
 */
export function labObstacle(
  programs: readonly string[] = [],
): string | undefined {
  if (Deno.build.os !== "linux") return "network namespaces need Linux";
  if (Deno.uid() !== 0) return "network namespaces need root";
  if (!isMounted("/")) {
    // ip(8) changes its propagation.
    return "the root directory is not mounted, as in a plain chroot: bind-mount it";
  }
  const missing = ["ip", ...programs].filter((name) =>
    !["/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((directory) =>
      isFile(`${directory}/${name}`)
    )
  );
  return missing.length === 0 ? undefined : `not installed: ${missing}`;
}

function isMounted(path: string): boolean {
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo").split("\n");
  // proc(5): the fifth field is the mount point.
  return mounts.some((line) => line.split(" ")[4] === path);
}

/**
 * Registers a test that needs namespaces; where it cannot run, it is skipped
 * and says why.
 */
export function labTest(
  name: string,
  programs: readonly string[],
  body: (lab: NetworkLab) => Promise<void>,
): void {
  const obstacle = labObstacle(programs);
  Deno.test({
    name: obstacle === undefined ? name : `${name} (skipped: ${obstacle})`,
    ignore: obstacle !== undefined,
    fn: async () => {
      await using lab = await NetworkLab.open();
      await body(lab);
    },
  });
}

/** A port of a switch for a machine in QEMU, which runs at the switch. */
export interface MachinePort {
  readonly tap: string;
  /** In front of QEMU's command. */
  readonly prefix: readonly string[];
}

/** Hosts in network namespaces of their own, on switches of their own. */
export class NetworkLab implements AsyncDisposable {
  /** Test files run side by side in one process, so its id would not do. */
  readonly #prefix = `plasm-${crypto.randomUUID().slice(0, 8)}-`;
  readonly #stack = new AsyncDisposableStack();
  #hosts = 0;

  /** A lab without hosts. */
  static async open(): Promise<NetworkLab> {
    const lab = new NetworkLab();
    await lab.#addNamespace(lab.#switch);
    return lab;
  }

  get #switch(): string {
    return `${this.#prefix}sw`;
  }

  /** A LAN: a bridge that passes multicast on to everybody. */
  async lan(name: string): Promise<string> {
    await this.#ip(
      `-n ${this.#switch} link add ${name} type bridge mcast_snooping 0`,
    );
    await this.#ip(`-n ${this.#switch} link set ${name} up`);
    return name;
  }

  /** A host without interfaces but loopback. */
  async host(): Promise<LabHost> {
    const namespace = `${this.#prefix}h${this.#hosts++}`;
    await this.#addNamespace(namespace);
    return new LabHost(namespace, this.#switch, this.#stack);
  }

  /** A host with `e0` on a LAN. */
  async hostOn(lan: string, ...addresses: string[]): Promise<LabHost> {
    const host = await this.host();
    await host.plug("e0", lan, ...addresses);
    return host;
  }

  /** A LAN of two: 10.77.0.1 and 10.77.0.2. */
  async twoHosts(): Promise<[LabHost, LabHost]> {
    const lan = await this.lan(`br${this.#hosts}`);
    return [
      await this.hostOn(lan, "10.77.0.1/24"),
      await this.hostOn(lan, "10.77.0.2/24"),
    ];
  }

  /**
   * A cable between `e0` of two hosts, in place of the LAN, that loses frames
   * each way: a relay in user space, which takes python3.
   *
   * @param loss 0 to 1
   * @param seed for the same losses in every run
   */
  async lossyCable(
    hosts: readonly [LabHost, LabHost],
    { loss, seed }: { readonly loss: number; readonly seed: number },
  ): Promise<LabProgram> {
    for (const host of hosts) await host.setPort("e0", "nomaster");
    const path = new URL("./programs/relay.py", import.meta.url).pathname;
    const ports = hosts.map((host) => host.portOf("e0"));
    const child = new Deno.Command("ip", {
      args: [
        ...["netns", "exec", this.#switch, "python3", path],
        ...[...ports, String(loss), String(seed)],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const relay = this.#stack.use(new LabProgram(child));
    await relay.line("relaying");
    return relay;
  }

  /** Where a machine in QEMU is plugged into a LAN. */
  async machinePort(lan: string): Promise<MachinePort> {
    const tap = `t${crypto.randomUUID().slice(0, 8)}`;
    await this.#ip(`-n ${this.#switch} tuntap add ${tap} mode tap`);
    await this.#ip(`-n ${this.#switch} link set ${tap} master ${lan} up`);
    return { tap, prefix: ["ip", "netns", "exec", this.#switch] };
  }

  /** Ends every program, and the namespaces with all that is in them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  async #addNamespace(name: string): Promise<void> {
    await this.#ip(`netns add ${name}`);
    this.#stack.defer(() => this.#ip(`netns del ${name}`));
    await this.#ip(`-n ${name} link set lo up`);
  }

  async #ip(args: string): Promise<void> {
    await commandOutput("ip", args.split(" "));
  }
}

/** One machine of a lab. */
export class LabHost {
  readonly #namespace: string;
  readonly #switch: string;
  readonly #stack: AsyncDisposableStack;
  readonly #runDirectory: string;
  /** At the switch, by interface. */
  readonly #ports = new Map<string, string>();

  /** @internal */
  constructor(
    namespace: string,
    switchNamespace: string,
    stack: AsyncDisposableStack,
  ) {
    this.#namespace = namespace;
    this.#switch = switchNamespace;
    this.#stack = stack;
    this.#runDirectory = Deno.makeTempDirSync({ prefix: "plasm-lab-" });
    stack.defer(() => Deno.remove(this.#runDirectory, { recursive: true }));
  }

  /** In front of a command that is to run here. */
  get prefix(): readonly string[] {
    return ["ip", "netns", "exec", this.#namespace];
  }

  /** Adds an interface on a LAN, with addresses such as `10.0.0.1/24`. */
  async plug(
    name: string,
    lan: string,
    ...addresses: string[]
  ): Promise<void> {
    const port = `p${crypto.randomUUID().slice(0, 8)}`;
    this.#ports.set(name, port);
    await commandOutput("ip", [
      ..."link add".split(" "),
      name,
      ...`netns ${this.#namespace} type veth peer name`.split(" "),
      port,
      "netns",
      this.#switch,
    ]);
    await this.setPort(name, "master", lan, "up");
    // Duplicate address detection would keep IPv6 waiting for a second.
    await this.exec(
      "sysctl",
      "-qw",
      `net.ipv6.conf.${name}.accept_dad=0`,
    );
    for (const address of addresses) {
      const nodad = address.includes(":") ? ["nodad"] : [];
      await this.exec("ip", "address", "add", address, "dev", name, ...nodad);
    }
    await this.exec("ip", "link", "set", name, "up");
  }

  /**
   * Changes the port of the switch that an interface is plugged into, as `ip
   * link set` does: `down` takes the carrier, `nomaster` lets nothing through.
   */
  async setPort(name: string, ...change: string[]): Promise<void> {
    const at = ["-n", this.#switch, "link", "set", this.portOf(name)];
    await commandOutput("ip", [...at, ...change]);
  }

  /** The port of the switch that an interface is plugged into. */
  portOf(name: string): string {
    return this.#ports.get(name) ?? "";
  }

  /** Removes an interface. */
  async unplug(name: string): Promise<void> {
    await this.exec("ip", "link", "del", name);
  }

  /**
   * Runs a program to its end.
   *
   * @returns what it printed
   * @throws when it fails
   */
  exec(program: string, ...args: string[]): Promise<string> {
    const command = ["netns", "exec", this.#namespace, program, ...args];
    const env = { DBUS_SYSTEM_BUS_ADDRESS: this.#bus };
    return commandOutput("ip", command, { env });
  }

  /** Starts a program, which is killed with the lab at the latest. */
  start(program: string, ...args: string[]): LabProgram {
    return this.#start("null", program, ...args);
  }

  #start(
    stderr: "null" | "inherit",
    program: string,
    ...args: string[]
  ): LabProgram {
    const command = new Deno.Command("ip", {
      args: ["netns", "exec", this.#namespace, program, ...args],
      env: { DBUS_SYSTEM_BUS_ADDRESS: this.#bus },
      stdin: "piped",
      stdout: "piped",
      stderr,
    });
    return this.#stack.use(new LabProgram(command.spawn()));
  }

  /** Starts a program of tests/support/programs. */
  startDeno(program: string, ...args: string[]): LabProgram {
    const path = new URL(`./programs/${program}`, import.meta.url).pathname;
    const run = ["run", "-A", "--quiet", path, ...args];
    return this.#start("inherit", Deno.execPath(), ...run);
  }

  /** Starts avahi-daemon with a bus of its own. */
  async startAvahi(hostName: string, serverOptions = ""): Promise<LabProgram> {
    const directory = this.#runDirectory;
    await Deno.mkdir(`${directory}/run`);
    await Deno.writeTextFile(`${directory}/bus.conf`, busConfig(this.#bus));
    await Deno.writeTextFile(
      `${directory}/avahi.conf`,
      // Of a key that is there twice the first value counts.
      `[server]\nhost-name=${hostName}\n${serverOptions}\nuse-ipv4=yes\nuse-ipv6=no\n` +
        "[wide-area]\nenable-wide-area=no\n" +
        "[publish]\npublish-hinfo=no\npublish-workstation=no\n",
    );
    this.start(
      "dbus-daemon",
      `--config-file=${directory}/bus.conf`,
      "--nofork",
    );
    await until("the bus is up", () => isSocket(`${directory}/bus`));
    // avahi's run directory is compiled in: a mount of its own stands for it.
    const daemon = this.start(
      "unshare",
      "-m",
      "sh",
      "-c",
      `mkdir -p /run/avahi-daemon && mount --bind ${directory}/run /run/avahi-daemon && ` +
        `exec avahi-daemon --no-chroot --no-drop-root --no-rlimits -f ${directory}/avahi.conf`,
    );
    await until("avahi answers", async () => {
      try {
        return (await this.exec("avahi-resolve", "-n", `${hostName}.local`))
          .includes(hostName);
      } catch {
        return false; // not yet
      }
    });
    return daemon;
  }

  get #bus(): string {
    return `unix:path=${this.#runDirectory}/bus`;
  }
}

function busConfig(address: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>${address}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/></policy></busconfig>
`;
}

/** Whether there is such a file. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // not there
  }
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket === true;
  } catch {
    return false; // not yet there
  }
}
