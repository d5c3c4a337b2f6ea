/** Machines in QEMU, judged by what they say on their serial console. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { MachinePort } from "./network_lab.ts";

/** Without KVM, so that it runs, and takes about as long, everywhere. */
export const QEMU = "qemu-system-x86_64";
/** The same for another architecture. */
export const QEMU_ARM64 = "qemu-system-aarch64";
/** Firmware that machines with UEFI have. */
export const OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/** What it remembers; each machine has a copy of its own. */
export const OVMF_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/** Of its network card, as QEMU numbers them. */
export const GUEST_MAC = "52:54:00:12:34:56";

/** What SeaBIOS and OVMF say when nothing is left to boot from. */
const GIVES_UP = /No bootable (device|option)|UEFI Interactive Shell/;

/** How a machine boots from the network. */
export type MachineKind = "bios-pxe" | "uefi-pxe" | "uefi-http";

/** What QEMU loads by itself, in place of firmware. */
export interface DirectKernel {
  readonly kernelPath: string;
  readonly initramfsPath: string;
  readonly cmdline: string;
  /** Of the machine. */
  readonly arch: "x86_64" | "arm64";
}

/** A machine to switch on. */
export interface GuestOptions {
  readonly kind: MachineKind | DirectKernel;
  readonly port: MachinePort;
  /** Its only disk, as an image of its bytes. */
  readonly disk?: string | undefined;
  /** How much memory it has. @default 768 */
  readonly memoryMib?: number;
  /** Holds what the firmware remembers, and the sockets of the monitor and of
   * the second serial port. */
  readonly directory: string;
}

/** A running machine; disposing of it switches it off. */
export class Guest implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #monitorPath: string;
  readonly #startMs = performance.now();
  readonly #reading: Promise<void>;
  #text = "";
  #hasEnded = false;
  #wake = () => {};

  private constructor(child: Deno.ChildProcess, monitorPath: string) {
    this.#child = child;
    this.#monitorPath = monitorPath;
    this.#reading = this.#read();
  }

  /** Switches a machine on. */
  static async start(
    { kind, port, disk, directory, memoryMib = 768 }: GuestOptions,
  ): Promise<Guest> {
    const monitorPath = join(directory, "monitor");
    const machine = typeof kind === "object"
      ? directArguments(kind)
      : kind === "bios-pxe"
      ? [QEMU, "-cpu", "max", ...BIOS_ARGUMENTS]
      : [QEMU, "-cpu", "max", ...await uefiArguments(directory, kind)];
    const [head = "", ...rest] = [
      ...port.prefix,
      ...machine,
      ...["-display", "none", "-no-reboot", "-serial", "stdio"],
      ...["-serial", `unix:${secondPort(directory)},server=on,wait=off`],
      ...["-monitor", `unix:${monitorPath},server=on,wait=off`],
      ...["-accel", "tcg,thread=multi", "-m", String(memoryMib)],
      ...["-netdev", `tap,id=n0,ifname=${port.tap},script=no,downscript=no`],
      ...disk === undefined
        ? []
        : ["-drive", `if=virtio,format=raw,file=${disk}`],
    ];
    const child = new Deno.Command(head, {
      args: rest,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new Guest(child, monitorPath);
  }

  /** What stood on its console so far, without control sequences. */
  get console(): string {
    return this.#text
      // deno-lint-ignore no-control-regex
      .replaceAll(/\x1b\[[0-9;?=]*[A-Za-z]|\0/g, "")
      .replaceAll("\r", "");
  }

  /**
   * Waits until its console shows something.
   *
   * @returns seconds since it was switched on
   * @throws when it gives up booting, is switched off, or takes longer than the
   * limit, without
   */
  async shows(pattern: RegExp, timeoutMs: number): Promise<number> {
    const end = await this.#showsOr(pattern, timeoutMs);
    if (end === undefined) return this.seconds;
    const console = this.console.slice(-4000);
    assert.fail(`No ${pattern} on the console, it ${end}:\n${console}`);
  }

  /** @returns why there is no more to wait for, undefined when it was shown */
  async #showsOr(
    pattern: RegExp,
    timeoutMs: number,
  ): Promise<string | undefined> {
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, timeoutMs);
    try {
      while (true) {
        if (pattern.test(this.console)) return undefined;
        if (GIVES_UP.test(this.console)) return "gave up";
        if (this.#hasEnded) return "was switched off";
        if (isLate) return `went on for ${timeoutMs} ms`;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      clearTimeout(limit);
    }
  }

  /** Seconds since it was switched on. */
  get seconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  /** Asks QEMU's monitor, such as `info registers`. */
  async monitor(command: string): Promise<string> {
    using connection = await Deno.connect({
      transport: "unix",
      path: this.#monitorPath,
    });
    await connection.write(new TextEncoder().encode(`${command}\n`));
    // An answer ends with the prompt; one comes before it, too.
    let answer = "";
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(1 << 16);
    while (answer.split("(qemu) ").length < 3) {
      const count = await connection.read(buffer);
      if (count === null) break;
      answer += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
    return answer;
  }

  /** Presses keys of its keyboard, by QEMU's names, such as `down`. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.monitor(`sendkey ${key}`);
  }

  /**
   * Holds a key down, as keyboards have it, until its console shows something.
   *
   * @throws as `shows()` does
   */
  async holdsUntil(
    key: string,
    pattern: RegExp,
    timeoutMs: number,
  ): Promise<void> {
    let isOver = false;
    const presses = async () => {
      while (!isOver) {
        // It may have been switched off; `shows()` knows.
        await this.press(key).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const shown = this.shows(pattern, timeoutMs).finally(() => isOver = true);
    await Promise.all([shown, presses()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has switched itself off.
    }
    await this.#reading;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoderStream();
    for await (const text of this.#child.stdout.pipeThrough(decoder)) {
      this.#text += text;
      this.#wake();
    }
    await this.#child.status;
    this.#hasEnded = true;
    this.#wake();
  }
}

/** Where the second serial port of a machine is, a socket. */
export function secondPort(directory: string): string {
  return join(directory, "serial");
}

function directArguments(
  { kernelPath, initramfsPath, cmdline, arch }: DirectKernel,
): string[] {
  return [
    ...arch === "x86_64"
      ? [QEMU, "-machine", "q35", "-cpu", "max"]
      : [QEMU_ARM64, "-machine", "virt", "-cpu", "cortex-a72"],
    ...["-device", "virtio-net-pci,netdev=n0,romfile="],
    ...["-kernel", kernelPath, "-initrd", initramfsPath, "-append", cmdline],
  ];
}

/** The network card's ROM is iPXE; what it says goes to the serial console. */
const BIOS_ARGUMENTS = [
  ...["-machine", "q35,graphics=off", "-boot", "n"],
  ...["-device", "virtio-net-pci,netdev=n0"],
];

async function uefiArguments(
  directory: string,
  kind: "uefi-pxe" | "uefi-http",
): Promise<string[]> {
  const variables = join(directory, "variables.fd");
  await Deno.copyFile(OVMF_VARIABLES, variables);
  const drive = "if=pflash,format=raw";
  const pxe4 = kind === "uefi-pxe" ? "y" : "n";
  return [
    ...["-machine", "q35"],
    ...["-drive", `${drive},readonly=on,file=${OVMF_CODE}`],
    ...["-drive", `${drive},file=${variables}`],
    // No ROM: OVMF drives the card itself.
    ...["-device", "virtio-net-pci,netdev=n0,romfile="],
    ...["-device", "virtio-rng-pci"],
    ...["-fw_cfg", `name=opt/org.tianocore/IPv4PXESupport,string=${pxe4}`],
    ...["-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"],
  ];
}
