/**
 * A machine in QEMU boots from `plasmd serve` by iPXE, as Debian builds it:
 * menu, boot script, kernel and initramfs. The "kernel" is iPXE once more
 * (ipxe.lkrn is a Linux kernel as far as boot loaders can tell), and its
 * initramfs a script that says it was reached: nothing has to be downloaded,
 * and it takes seconds.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { start, temporaryDirectory } from "../support/programs.ts";

const QEMU = "qemu-system-x86_64";
const KERNEL = "/usr/lib/ipxe/ipxe.lkrn";
const MARKER = "REACHED THE SERVED INITRAMFS";
/** Generous: it takes 20 s, of which iPXE and the menu wait 15 for keys. */
const BOOT_TIMEOUT_MS = 120_000;

async function missingHere(): Promise<string | undefined> {
  const qemu = await new Deno.Command(QEMU, { args: ["--version"] }).output()
    .then(({ success }) => success, () => false);
  if (!qemu) return `no ${QEMU} here`;
  for (const path of [KERNEL, "/usr/lib/ipxe/qemu/pxe-virtio.rom"]) {
    const found = await Deno.stat(path).then(() => true, () => false);
    if (!found) return `no ${path} here`;
  }
  return undefined;
}

/** Boots a machine whose firmware was told a URL by DHCP. */
async function boot(url: string, marker: string): Promise<string> {
  await using child = new Deno.Command(QEMU, {
    args: [
      ...["-display", "none", "-no-reboot", "-serial", "stdio"],
      ...["-monitor", "none", "-machine", "q35,graphics=off", "-m", "256"],
      ...["-accel", "tcg,thread=multi", "-boot", "n"],
      ...["-netdev", `user,id=n0,bootfile=${url}`],
      ...["-device", "virtio-net-pci,netdev=n0"],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const limit = setTimeout(() => child.kill("SIGKILL"), BOOT_TIMEOUT_MS);
  let console = "";
  for await (
    const text of child.stdout.pipeThrough(new TextDecoderStream())
  ) {
    console += text;
    if (console.includes(marker)) break;
  }
  clearTimeout(limit);
  return console;
}

const missing = await missingHere();

Deno.test({
  name: `iPXE boots from plasmd serve in QEMU${
    missing === undefined ? "" : ` (skipped: ${missing})`
  }`,
  ignore: missing !== undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    const image = join(directory.path, "artifacts", "ipxe-boot", "x86_64");
    await Deno.mkdir(image, { recursive: true });
    await Deno.copyFile(KERNEL, join(image, "vmlinuz"));
    await Deno.writeTextFile(
      join(image, "initramfs.img"),
      `#!ipxe\necho ${MARKER}\npoweroff ||\nsleep 60\n`,
    );
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", join(directory.path, "artifacts")],
      ...["--channel", "ipxe-boot", "--arch", "x86_64", "--interface", "lo"],
      ...["--no-dht", "--no-mdns", "--port", "0"],
      ...["--state-dir", join(directory.path, "state")],
    ]);
    const [, port = ""] = await provider.line(/Serving on http:\/\/.*:(\d+)/);
    await provider.line(/Found 1/);
    // What QEMU's own network calls 10.0.2.2 is this machine's loopback.
    const console = await boot(`http://10.0.2.2:${port}/boot.ipxe`, MARKER);
    assert.ok(console.includes(MARKER), console);
    const status = await (await fetch(`http://127.0.0.1:${port}/status`))
      .json();
    assert.deepEqual(
      status.downloads.recent.map((each: { artifact: string }) =>
        each.artifact
      ),
      ["ipxe-boot/x86_64/initramfs.img", "ipxe-boot/x86_64/vmlinuz"],
    );
    assert.equal(status.downloads.done, 2);
  },
});
