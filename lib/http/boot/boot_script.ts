import {
  type ChannelArch,
  formatChannelArch,
} from "../../core/channel_arch.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import { grubArguments, ipxeArguments } from "./kernel_arguments.ts";

/** How often a script tries, counting the first time. */
const ATTEMPTS = 5;
/** Between two tries. */
const RETRY_DELAY_SECONDS = 2;
/** How long a menu waits for a key. */
const MENU_TIMEOUT_SECONDS = 10;

/**
 * The iPXE script that boots an image.
 *
 * It names the files by their hashes, so that it never mixes a new kernel with
 * an old initramfs. A try that fails fetches the script again, which has the
 * hashes of whatever took their place meanwhile. URLs are relative to the
 * script's own, which iPXE resolves: the address in a Host header is not to be
 * relied on.
 */
export function ipxeScript(served: ServedImage): Result<string> {
  const { image, artifacts } = served;
  const kernel = artifacts.get("kernel");
  const initrds = initrdsOf(served);
  const args = ipxeArguments(served.cmdline ?? "");
  if (!args.ok) return unsayable(image, "iPXE", args.reason);
  if (kernel === undefined) return noKernel(image);
  const name = formatChannelArch(image);
  // A kernel that is started by UEFI finds them by these arguments; on BIOS they
  // mean nothing.
  const words = [
    ...initrds.map(({ name }) => `initrd=${name}`),
    ...args.value === "" ? [] : [args.value],
  ].join(" ");
  return ok(lines(
    "#!ipxe",
    `# ${name} ${word(served.version)}, as its signed manifest has it`,
    "isset ${attempt} || set attempt:int32 1",
    "imgfree",
    `kernel --name kernel /blobs/sha256/${kernel.sha256} ${words}`.trimEnd() +
      " || goto again",
    ...initrds.map(({ name, sha256 }) =>
      `initrd --name ${name} /blobs/sha256/${sha256} || goto again`
    ),
    "boot || goto again",
    "",
    ":again",
    `iseq \${attempt} ${ATTEMPTS} && goto failed ||`,
    `echo ${name} did not load, try \${attempt} of ${ATTEMPTS}`,
    "inc attempt",
    `sleep ${RETRY_DELAY_SECONDS}`,
    "chain --replace boot.ipxe || goto again",
    "",
    ":failed",
    `echo ${name} did not load in ${ATTEMPTS} tries`,
    "clear attempt",
    "exit 1",
  ));
}

/** An initial RAM file system, as a boot loader is told of it. */
interface Initrd {
  /** For iPXE: one word, and another for each. */
  readonly name: string;
  /** Below the image's own path. */
  readonly path: string;
  readonly sha256: string;
}

/** All of an image in the order to load them in: microcode comes first. */
function initrdsOf({ artifacts, initrds = [] }: ServedImage): Initrd[] {
  const main = artifacts.get("initramfs");
  if (main === undefined) return [];
  const of = { name: "initramfs", path: "initramfs", sha256: main.sha256 };
  if (initrds.length === 0) return [of];
  const files = [...artifacts.values()];
  return initrds.flatMap((filename, index) => {
    if (filename === main.filename) return [of];
    const file = files.find((each) => each.filename === filename);
    return file === undefined
      ? []
      : [{ name: `initrd${index}`, path: filename, sha256: file.sha256 }];
  });
}

/**
 * The iPXE script that lets the user choose among the images for the machine
 * it runs on, and takes the first after a while.
 */
export function ipxeMenu(images: readonly ServedImage[]): string {
  const byArch = Map.groupBy(images, ({ image }) => image.arch);
  return lines(
    "#!ipxe",
    "# In BIOS builds of iPXE buildarch is i386, whatever the CPU can do",
    "set arch ${buildarch}",
    "set tries:int32 1",
    "iseq ${platform} pcbios && cpuid --ext 29 && set arch x86_64 ||",
    "goto arch_${arch} || goto none",
    "",
    ...[...byArch].flatMap(([arch, ofArch]) => menuOf(arch, ofArch)),
    ":none",
    `echo No image for \${arch} here; served: ${
      images.map(({ image }) => formatChannelArch(image)).join(", ") ||
      "nothing yet"
    }`,
    "exit 1",
    "",
    ":again",
    `iseq \${tries} ${ATTEMPTS} && goto failed ||`,
    `echo The script of the image did not load, try \${tries} of ${ATTEMPTS}`,
    "inc tries",
    `sleep ${RETRY_DELAY_SECONDS}`,
    "goto load_${arch}",
    "",
    ":failed",
    `echo The script of the image did not load in ${ATTEMPTS} tries`,
    "exit 1",
  );
}

function menuOf(arch: string, images: readonly ServedImage[]): string[] {
  const [only, ...others] = images;
  if (only !== undefined && others.length === 0) {
    return [
      `:arch_${arch}`,
      `:load_${arch}`,
      `chain --replace ${only.image.channel}/${arch}/boot.ipxe || goto again`,
      "",
    ];
  }
  return [
    `:arch_${arch}`,
    `menu Images for ${arch}`,
    ...images.map(({ image: { channel }, version }) =>
      `item ${channel} ${channel} ${word(version)}`
    ),
    `choose --timeout ${MENU_TIMEOUT_SECONDS * 1000} channel || exit 1`,
    `:load_${arch}`,
    `chain --replace \${channel}/${arch}/boot.ipxe || goto again`,
    "",
  ];
}

/**
 * The GRUB configuration that boots an image. GRUB has no relative URLs, but
 * knows where the configuration came from while it reads it.
 */
export function grubConfig(served: ServedImage): Result<string> {
  const { image, artifacts } = served;
  const args = grubArguments(served.cmdline ?? "");
  if (!args.ok) return unsayable(image, "GRUB", args.reason);
  if (!artifacts.has("kernel")) return noKernel(image);
  const initrds = initrdsOf(served);
  const title = `${formatChannelArch(image)} ${word(served.version)}`;
  return ok(lines(
    `# ${title}, as its signed manifest has it`,
    'set image="$config_directory"',
    `set timeout=${MENU_TIMEOUT_SECONDS}`,
    "",
    `menuentry '${title}' {`,
    `  linux "$image/kernel" ${args.value}`.trimEnd(),
    ...initrds.length === 0 ? [] : [
      `  initrd ${initrds.map(({ path }) => `"$image/${path}"`).join(" ")}`,
    ],
    "}",
  ));
}

/** A version may hold anything; in a script it is to be one harmless word. */
function word(version: string): string {
  return version.replaceAll(/[^A-Za-z0-9.+:~_-]/g, "_").slice(0, 64);
}

function unsayable(
  image: ChannelArch,
  loader: string,
  reason: string,
): Result<string> {
  return refuse(
    `The cmdline of ${
      formatChannelArch(image)
    } cannot be passed by ${loader}: ${reason}`,
  );
}

function noKernel(image: ChannelArch): Result<string> {
  return refuse(`${formatChannelArch(image)} has no kernel`);
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
