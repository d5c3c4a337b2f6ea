/**
 * What guests boot: Debian's kernel for clouds, and an initramfs of busybox
 * that says so on the console and switches the machine off.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { commandOutput } from "./command_output.ts";
import { cpioArchive } from "./cpio_archive.ts";

/** A kernel with its initramfs, as files. */
export interface GuestKernel {
  /** As `uname -r` has it. */
  readonly release: string;
  readonly kernelPath: string;
  readonly initramfsPath: string;
}

const INIT = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo "GUEST UP $(/bin/busybox uname -r) $(/bin/busybox cat /proc/cmdline) GUEST END"
/bin/busybox poweroff -f
`;

/** What the initramfs says when a kernel with such words on its line runs it. */
export function guestMarker({ release }: GuestKernel, word: string): RegExp {
  const [kernel, own] = [release, word].map(RegExp.escape);
  return new RegExp(`GUEST UP ${kernel} [^\\n]*\\b${own}\\b[^\\n]* GUEST END`);
}

/**
 * Downloads the kernel and busybox by apt, without installing them. They are
 * kept in the user's cache, by the versions that apt has now.
 *
 * @returns or why they cannot be had
 */
export async function guestKernel(): Promise<GuestKernel | string> {
  try {
    const depends = await commandOutput("apt-cache", [
      ...["depends", "--important", "linux-image-cloud-amd64"],
    ]);
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (name === undefined) return "apt knows no linux-image-cloud-amd64";
    const packages = [name, "busybox-static"];
    const uris = await apt(["download", "--print-uris", ...packages]);
    const files = [...uris.matchAll(/ (\S+)\.deb /g)].map(([, file]) => file);
    if (files.length !== 2) return `apt has no download for ${packages}`;
    const own = createHash("sha256").update(INIT).digest("hex").slice(0, 8);
    const directory = join(
      cacheDirectory(),
      ["plasm-guest", ...files, own].join("-"),
    );
    await Deno.mkdir(cacheDirectory(), { recursive: true });
    using lock = await Deno.open(`${directory}.lock`, {
      create: true,
      write: true,
    });
    await lock.lock(true);
    const kernel = {
      release: name.replace(/^linux-image-/, ""),
      kernelPath: join(directory, "vmlinuz"),
      initramfsPath: join(directory, "initramfs.img"),
    };
    if (!await exists(directory)) await download(packages, directory, kernel);
    return kernel;
  } catch (error) {
    return String(error).split("\n")[0] ?? "";
  }
}

async function download(
  packages: readonly string[],
  directory: string,
  { release }: GuestKernel,
): Promise<void> {
  const partial = `${directory}.part`;
  await Deno.remove(partial, { recursive: true }).catch(() => {});
  await Deno.mkdir(partial);
  await apt(["download", ...packages], partial);
  for await (const { name } of Deno.readDir(partial)) {
    await commandOutput("dpkg-deb", ["-x", name, "root"], { cwd: partial });
  }
  const root = join(partial, "root");
  await Deno.rename(
    join(root, "boot", `vmlinuz-${release}`),
    join(partial, "vmlinuz"),
  );
  await Deno.writeFile(
    join(partial, "initramfs.img"),
    await guestInitramfs(await Deno.readFile(join(root, "bin", "busybox"))),
  );
  await Deno.remove(root, { recursive: true });
  await Deno.rename(partial, directory);
}

/**
 * An initramfs that says so on the console and switches the machine off: gzip,
 * which every kernel and loader takes.
 */
export async function guestInitramfs(
  busybox: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  const archive = cpioArchive([
    { path: "bin", mode: 0o040755 },
    { path: "proc", mode: 0o040755 },
    { path: "bin/busybox", mode: 0o100755, content: busybox },
    {
      path: "init",
      mode: 0o100755,
      content: new TextEncoder().encode(INIT),
    },
  ]);
  const packed = new Blob([archive]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

function cacheDirectory(): string {
  const home = Deno.env.get("HOME");
  return Deno.env.get("XDG_CACHE_HOME") ??
    (home === undefined ? "/tmp" : join(home, ".cache"));
}

function apt(args: readonly string[], cwd = "/"): Promise<string> {
  // Its own user for downloads may not write into our directory.
  const own = ["-q", "-o", "APT::Sandbox::User=root"];
  return commandOutput("apt-get", [...own, ...args], { cwd });
}

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
