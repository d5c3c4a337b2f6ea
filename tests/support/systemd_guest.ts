/** A machine that boots a Debian with systemd, and a shell of root on it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { commandOutput } from "./command_output.ts";
import type { Debian } from "./debian.ts";
import { Guest, secondPort } from "./guest.ts";
import type { MachinePort } from "./network_lab.ts";

/** What {@linkcode bootDebian} boots: beyond the least, with a kernel. */
export const BOOTABLE = [
  ...["linux-image-cloud-amd64", "systemd-sysv", "udev", "dbus"],
  ...["iproute2", "procps"],
];

/** A shell on the second serial port: nothing of a terminal is between. */
const SHELL_UNIT = `[Unit]
After=multi-user.target
[Service]
# It counts as started when it reads: not before its terminal is reset.
Type=exec
ExecStartPre=stty -F /dev/ttyS1 raw -echo
ExecStart=/bin/sh
StandardInput=tty-force
StandardOutput=tty
StandardError=journal
TTYPath=/dev/ttyS1
Environment=HOME=/root SYSTEMD_COLORS=0 SYSTEMD_PAGER=cat SYSTEMD_URLIFY=0
`;

/** A running Debian; disposing of it switches it off. */
export class SystemdGuest implements AsyncDisposable {
  readonly #guest: Guest;
  readonly #shell: Deno.UnixConn;

  private constructor(guest: Guest, shell: Deno.UnixConn) {
    this.#guest = guest;
    this.#shell = shell;
  }

  /**
   * Boots it, with a network card.
   *
   * @param address of the card, such as `10.0.0.1/24`
   * @param timeoutMs how long that may take
   */
  static async boot(
    { root, directory }: Debian,
    { port, address, timeoutMs }: {
      readonly port: MachinePort;
      readonly address: string;
      readonly timeoutMs: number;
    },
  ): Promise<SystemdGuest> {
    await configure(root, address);
    const disk = join(directory, "disk.raw");
    await commandOutput("mkfs.ext4", ["-q", "-d", root, disk, "2G"]);
    await using stack = new AsyncDisposableStack();
    const guest = stack.use(
      await Guest.start({
        kind: {
          kernelPath: await bootFile(root, "vmlinuz-"),
          initramfsPath: await bootFile(root, "initrd.img-"),
          // A busy machine is late for what the kernel takes for its test.
          cmdline: "console=ttyS0 root=/dev/vda rw panic=-1 no_timer_check",
          arch: "x86_64",
        },
        ...{ port, disk, directory, memoryMib: 1024 },
      }),
    );
    await guest.shows(/Started shell\.service/, timeoutMs);
    const path = secondPort(directory);
    const shell = await Deno.connect({ transport: "unix", path });
    stack.move();
    return new SystemdGuest(guest, shell);
  }

  /** Seconds since it was switched on. */
  get seconds(): number {
    return this.#guest.seconds;
  }

  /**
   * Has the shell run commands, one after the other.
   *
   * @returns what they printed, on both streams
   * @throws when the last one fails
   */
  async exec(commands: string): Promise<string> {
    const end = crypto.randomUUID();
    const command = `{ ${commands}\n} 2>&1 </dev/null; echo "${end} $?"\n`;
    let bytes = new TextEncoder().encode(command);
    while (bytes.length > 0) {
      bytes = bytes.subarray(await this.#shell.write(bytes));
    }
    let text = "";
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(1 << 16);
    const pattern = new RegExp(`^([^]*)${end} (\\d+)\\n`);
    for (;;) {
      const [, output, code] = pattern.exec(text) ?? [];
      if (output !== undefined) {
        assert.equal(code, "0", `${commands}\n${output}`);
        return output;
      }
      const count = await this.#shell.read(buffer);
      assert.ok(count !== null, `switched off at: ${commands}\n${text}`);
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.close();
    await this.#guest[Symbol.asyncDispose]();
  }
}

async function configure(root: string, address: string): Promise<void> {
  const units = join(root, "etc/systemd/system");
  await Deno.writeTextFile(join(units, "shell.service"), SHELL_UNIT);
  await Deno.writeTextFile(
    join(root, "etc/systemd/network/lan.network"),
    `[Match]\nType=ether\n[Network]\nAddress=${address}\n`,
  );
  await Deno.writeTextFile(join(root, "etc/hostname"), "debian\n");
  await commandOutput("systemctl", [
    ...["--root", root, "enable", "systemd-networkd.service"],
  ]);
  await commandOutput("systemctl", [
    ...["--root", root, "add-wants", "graphical.target", "shell.service"],
  ]);
}

/** The one file of a kind in /boot. */
async function bootFile(root: string, start: string): Promise<string> {
  for await (const { name } of Deno.readDir(join(root, "boot"))) {
    if (name.startsWith(start)) return join(root, "boot", name);
  }
  return assert.fail(`no ${start}* in /boot`);
}
