import { formatChannelArch } from "../../core/channel_arch.ts";
import { ok, type Result } from "../../core/result.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import type { BootFile } from "./boot_files.ts";
import { ipxeArguments } from "./kernel_arguments.ts";
import {
  addedWords,
  ATTEMPTS,
  lines,
  MENU_SECONDS,
  type MenuOptions,
  type MenuParts,
  menuParts,
  RETRY_DELAY_SECONDS,
  type ScriptClient,
  type ScriptParts,
  scriptParts,
  servedNames,
  word,
} from "./script_text.ts";

/**
 * How long a machine with but one image waits for a key that leads to the menu: a
 * first boot should not wait for a choice that is none, and firmware repeats a
 * key that is held down ten times and more in a second.
 */
const KEY_MS = 500;
/**
 * Which machine it is, in a query: what is not known there is empty. Without a
 * colon, or iPXE takes what is in front of it for the scheme of a URL.
 */
const MACHINE =
  "mac=${netX/mac:hexhyp}&uuid=${uuid}&serial=${serial:uristring}";

/**
 * The iPXE script that boots an image.
 *
 * It names the files by their hashes, so that it never mixes a new kernel with
 * an old initramfs. A try that fails fetches the script again, which has the
 * hashes of whatever took their place meanwhile. URLs are relative to the
 * script's own, which iPXE resolves: the address in a Host header is not to be
 * relied on, and a proxy may have us below a path.
 *
 * It names the machine it runs on, so that the words of its row are kept.
 */
export function ipxeScript(
  served: ServedImage,
  client: ScriptClient,
): Result<string> {
  const parts = scriptParts(served, client, "iPXE", ipxeArguments);
  if (!parts.ok) return parts;
  const { kind } = parts.value;
  const name = formatChannelArch(served.image);
  return ok(lines(
    "#!ipxe",
    `# ${name} ${word(served.version)}, as its signed manifest has it`,
    ...addedWords(client),
    "isset ${attempt} || set attempt:int32 1",
    ...kind === "efi" ? ["iseq ${platform} efi || goto not_efi"] : [],
    "imgfree",
    ...loads(parts.value).map((load) => `${load} || goto again`),
    "boot || goto again",
    "",
    ":again",
    `iseq \${attempt} ${ATTEMPTS} && goto failed ||`,
    `echo ${name} did not load, try \${attempt} of ${ATTEMPTS}`,
    "inc attempt",
    `sleep ${RETRY_DELAY_SECONDS}`,
    `chain --replace boot.ipxe?${MACHINE} || goto again`,
    "",
    ":failed",
    `echo ${name} did not load in ${ATTEMPTS} tries`,
    "clear attempt",
    "exit 1",
    ...kind === "efi"
      ? [
        "",
        ":not_efi",
        `echo ${name} is a program for UEFI, and this machine booted by BIOS`,
        "exit 1",
      ]
      : [],
  ));
}

/**
 * The commands that load kernel and files.
 *
 * iPXE gives a program for UEFI its own name in front of its arguments, and
 * systemd's stub takes all of that for the command line, in place of the one
 * within the image, unless it begins with a control character. So where there
 * is nothing to say, the name is one.
 */
function loads(
  { kind, kernel, initrds, args }: ScriptParts,
): readonly string[] {
  const isMute = kind === "efi" && args === "";
  const words = [
    // A kernel that is started by UEFI finds them by these arguments; on BIOS
    // they mean nothing.
    ...kind === "linux" ? initrds.map(({ name }) => `initrd=${name}`) : [],
    ...args === "" ? [] : [args],
  ];
  return [
    ...isMute ? ["set mute:hex 01"] : [],
    [
      `kernel --name ${isMute ? "${mute:string}" : "kernel"}`,
      blob(kernel),
      ...words,
    ].join(" "),
    ...initrds.map((file) =>
      // Its name is where wimboot finds it on UEFI, the word after the URL
      // where it does on BIOS.
      `initrd --name ${file.name} ${blob(file)}` +
      (kind === "wimboot" ? ` ${file.name}` : "")
    ),
  ];
}

/** Relative to `/{channel}/{arch}/boot.ipxe`. */
function blob({ sha256 }: BootFile): string {
  return `../../blobs/sha256/${sha256}`;
}

/**
 * The iPXE script that lets the user choose among the images for the machine
 * it runs on, and takes the first after a while; or does at once what the
 * machine's row says.
 *
 * @param images in the order of the menu
 */
export function ipxeMenu(
  images: readonly ServedImage[],
  { choice, asks }: MenuOptions,
): string {
  const parts = menuParts(images, choice);
  const byArch = Map.groupBy(parts.images, ({ image }) => image.arch);
  return lines(
    "#!ipxe",
    ...asks === "nothing" ? [] : [`chain --replace boot.ipxe?${MACHINE} ||`],
    "# In BIOS builds of iPXE buildarch is i386, whatever the CPU can do",
    "set arch ${buildarch}",
    "set tries:int32 1",
    "iseq ${platform} pcbios && cpuid --ext 29 && set arch x86_64 ||",
    ...whereToBegin(choice, parts),
    "",
    ...[...byArch].flatMap(([arch, ofArch]) => menuOf(arch, ofArch)),
    ":none",
    `echo No image for \${arch} here; ${servedNames(images)}`,
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
    "",
    "# UEFI goes on to its next boot option; after success it would not",
    ":local",
    "iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||",
    "exit 1",
    "",
    ":shell",
    "echo exit leads back to the menu",
    "shell ||",
    "goto menu_${arch}",
  );
}

function whereToBegin(
  { kind }: MenuOptions["choice"],
  { only, problem }: MenuParts<ServedImage>,
): readonly string[] {
  if (kind === "local") return ["goto local"];
  if (only !== undefined) {
    return [
      ...only.arch === undefined ? [] : [`set arch ${only.arch}`],
      `set channel ${only.channel}`,
      "goto load_${arch} || goto none",
    ];
  }
  return problem === undefined
    ? ["goto arch_${arch} || goto none"]
    : [`echo ${problem}`, "goto menu_${arch} || goto none"];
}

function menuOf(arch: string, images: readonly ServedImage[]): string[] {
  return [
    `:arch_${arch}`,
    ...withoutMenu(arch, images),
    `:menu_${arch}`,
    `menu Images for ${arch}`,
    ...images.map(({ image: { channel }, version }) =>
      `item ${channel} ${channel} ${word(version)}`
    ),
    "item --gap",
    // No channel begins with a dot.
    "item .local Boot from the local disk",
    "item .shell Shell",
    `choose --timeout ${MENU_SECONDS * 1000} channel || exit 1`,
    "iseq ${channel} .local && goto local ||",
    "iseq ${channel} .shell && goto shell ||",
    `:load_${arch}`,
    `chain --replace \${channel}/${arch}/boot.ipxe?${MACHINE} || goto again`,
    "",
  ];
}

/**
 * Starts an only image, unless a key leads to the menu. Any key does; the text,
 * which stays to be read, names one that chooses nothing while it is held down.
 */
function withoutMenu(arch: string, images: readonly ServedImage[]): string[] {
  const [only, ...others] = images;
  if (only === undefined || others.length > 0) return [];
  const { image, version } = only;
  return [
    `echo Starting ${formatChannelArch(image)} ${word(version)}`,
    "echo Hold Space for the menu with the local disk",
    `prompt --timeout ${KEY_MS} && goto menu_${arch} ||`,
    `set channel ${image.channel}`,
    `goto load_${arch}`,
  ];
}

/**
 * The script that iPXE of 2021 and later looks for beside itself: it spares a
 * loader the question of where to go on, and its wait for an IPv6 router, which
 * the command `dhcp` has, too (4 s of it).
 *
 * @param providerUrl without a slash at the end
 */
export function autoexecScript(providerUrl: string): string {
  return lines(
    "#!ipxe",
    // If we are reached by IPv6, the machine must wait for that.
    providerUrl.includes("://[")
      ? "ifconf ||"
      : "ifconf --configurator dhcp || ifconf ||",
    `chain --replace ${providerUrl}/boot.ipxe?${MACHINE}`,
  );
}
