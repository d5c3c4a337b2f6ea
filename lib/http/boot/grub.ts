import { formatChannelArch } from "../../core/channel_arch.ts";
import { ok, type Result } from "../../core/result.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import type { BootFile, BootFiles } from "./boot_files.ts";
import { grubArguments } from "./kernel_arguments.ts";
import {
  addedWords,
  ATTEMPTS,
  lines,
  MENU_SECONDS,
  type MenuOptions,
  type MenuParts,
  menuParts,
  MESSAGE_SECONDS,
  RETRY_DELAY_SECONDS,
  type ScriptClient,
  type ScriptParts,
  scriptParts,
  servedNames,
  word,
} from "./script_text.ts";

/** How long there is for a key in front of the menu of but one image. */
const KEY_SECONDS = 1;
const TRIES = Array.from({ length: ATTEMPTS }, (_, index) => index + 1)
  .join(" ");

/** On which of GRUB's platforms alone a kind of kernel can be started. */
const ONLY_ON: Readonly<
  Record<
    BootFiles["kind"],
    readonly [platform: string, why: string] | undefined
  >
> = {
  linux: undefined,
  efi: ["efi", "is a program for UEFI, and this machine booted by BIOS"],
  wimboot: ["pc", "is started by GRUB on BIOS only: use iPXE"],
};

/**
 * The GRUB configuration that boots an image. GRUB has no relative URLs, but
 * knows where the configuration came from while it reads it. What does not load
 * is asked for again, but for an initramfs that is refused: `initrd` says of that
 * that all went well (GRUB 2.06), and the kernel starts without.
 */
export function grubConfig(
  served: ServedImage,
  client: ScriptClient,
): Result<string> {
  const parts = scriptParts(served, client, "GRUB", grubArguments);
  if (!parts.ok) return parts;
  const name = formatChannelArch(served.image);
  const title = `${name} ${word(served.version)}`;
  const steps = loads(parts.value);
  return ok(lines(
    `# ${title}, as its signed manifest has it`,
    ...addedWords(client),
    'set image="$config_directory"',
    "# After a choice from the menu there is no need to wait again",
    `if [ "$chosen" ]; then set timeout=0; else set timeout=${KEY_SECONDS}; fi`,
    "",
    `menuentry '${title}' {`,
    ...onlyOn(parts.value, name),
    ...retried(`${name} did not load`, [
      ...steps.map((step) => `if ${step}; then`),
      "boot",
      steps.map(() => "fi").join("; "),
    ]),
    "}",
  ));
}

/** The commands that load kernel and files; each fails if it cannot. */
function loads(
  { kind, kernel, initrds, deviceTree, args }: ScriptParts,
): readonly string[] {
  const [load, more] = {
    linux: ["linux", "initrd"],
    // It has nothing more.
    efi: ["chainloader", ""],
    wimboot: ["linux16", "initrd16"],
  }[kind];
  return [
    `${load} ${place(kernel)} ${args}`.trimEnd(),
    ...initrds.length === 0 ? [] : [
      [
        more,
        ...initrds.map((file) =>
          (kind === "wimboot" ? `newc:${file.name}:` : "") + place(file)
        ),
      ].join(" "),
    ],
    ...deviceTree === undefined || kind !== "linux"
      ? []
      : [`devicetree ${place(deviceTree)}`],
  ];
}

function place({ path }: BootFile): string {
  return `"$image/${path}"`;
}

function onlyOn({ kind }: BootFiles, name: string): readonly string[] {
  const only = ONLY_ON[kind];
  if (only === undefined) return [];
  const [platform, why] = only;
  return [
    `  if [ "$grub_platform" != ${platform} ]; then`,
    `    echo '${name} ${why}'`,
    `    sleep ${MESSAGE_SECONDS}`,
    "    exit 1",
    "  fi",
  ];
}

/** Commands that lead away unless they fail; in the end, GRUB ends itself. */
function retried(
  failure: string,
  commands: readonly string[],
): readonly string[] {
  return [
    `  for try in ${TRIES}; do`,
    ...commands.map((command) => `    ${command}`),
    `    echo "${failure}, try $try of ${ATTEMPTS}"`,
    `    sleep ${RETRY_DELAY_SECONDS}`,
    "  done",
    "  exit 1",
  ];
}

/**
 * Adds to `machine` what SMBIOS has. What would not do in a query is left out:
 * GRUB escapes nothing in a URL, and takes what is behind its last slash for the
 * name of a file. A GRUB without these commands says so, and goes on.
 */
const SMBIOS = [
  "smbios --type 1 --get-uuid 8 --set uuid",
  "smbios --type 1 --get-string 7 --set serial",
  `if regexp '^[0-9A-Za-z-]+$' "$uuid"; then set machine="$machine&uuid=$uuid"; fi`,
  `if regexp '^[0-9A-Za-z._-]+$' "$serial"; then set machine="$machine&serial=$serial"; fi`,
];

/** Sets `machine`: which machine it is, as a query. */
function machineLines({ told, asks }: MenuOptions): readonly string[] {
  const { mac, uuid, serial } = told;
  const known = Object.entries({ mac, uuid, serial }).flatMap(
    ([name, value]) =>
      value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return [
    `set machine="${
      known.length > 0 ? known.join("&") : "mac=$net_default_mac"
    }"`,
    ...asks === "all" ? SMBIOS : [],
    ...asks === "nothing" ? [] : ['configfile "$images/grub.cfg?$machine"'],
  ];
}

/**
 * The GRUB configuration that lets the user choose among the images for the
 * machine it runs on, and takes the first after a while; or does at once what
 * the machine's row says.
 *
 * @param images in the order of the menu
 */
export function grubMenu(
  images: readonly ServedImage[],
  options: MenuOptions,
): string {
  const { choice } = options;
  const parts = menuParts(images, choice);
  const byArch = Map.groupBy(parts.images, ({ image }) => image.arch);
  return lines(
    'set images="$config_directory"',
    `set timeout=${choice.kind === "local" ? 0 : MENU_SECONDS}`,
    ...choice.kind === "local" ? ["set default=local"] : [],
    ...machineLines(options),
    "# In BIOS builds of GRUB it is i386, whatever the CPU can do",
    'set arch="$grub_cpu"',
    'if [ "$arch" = i386 ]; then if cpuid -l; then set arch=x86_64; fi; fi',
    "",
    "function load {",
    "  set chosen=1",
    "  export chosen",
    ...retried("The configuration of $1 did not load", [
      'configfile "$images/$1/grub.cfg?$machine"',
    ]),
    "}",
    "",
    "set found=",
    ...atOnce(parts),
    ...[...byArch].flatMap(([arch, ofArch]) => [
      `if [ "$arch" = ${arch} ]; then`,
      "  set found=1",
      ...choice.kind === "menu" ? withoutMenu(ofArch) : [],
      ...ofArch.map(({ image, version }) =>
        `  menuentry '${image.channel} ${word(version)}' { load ${
          formatChannelArch(image)
        } }`
      ),
      "fi",
    ]),
    'if [ -z "$found" ]; then',
    `  echo "No image for $arch here; ${servedNames(images)}"`,
    `  sleep ${MESSAGE_SECONDS}`,
    "fi",
    "",
    "menuentry 'Boot from the local disk' --id local {",
    '  if [ "$grub_platform" = pc ]; then',
    "    set root=hd0",
    "    if chainloader +1; then boot; fi",
    "  fi",
    "  # UEFI goes on to its next boot option; after success it would not",
    "  exit 1",
    "}",
    "# GRUB's shell is reached by a key only, not by a command",
    "menuentry 'Shell: press c' {",
    "  echo 'Press c in the menu'",
    "  sleep 2",
    "}",
  );
}

/** Hides the menu of a single image; only Esc shows it (GRUB 2.06). */
function withoutMenu(images: readonly ServedImage[]): readonly string[] {
  const [only, ...others] = images;
  if (only === undefined || others.length > 0) return [];
  return [
    `  set timeout=${KEY_SECONDS}`,
    "  set timeout_style=hidden",
    `  echo "Starting ${formatChannelArch(only.image)} ${word(only.version)}"`,
    '  echo "Hold Esc for the menu with the local disk"',
  ];
}

/** What is done before there is a menu. */
function atOnce(
  { images, only, problem }: MenuParts<ServedImage>,
): readonly string[] {
  if (problem !== undefined) {
    return [`echo "${problem}"`, `sleep ${MESSAGE_SECONDS}`];
  }
  if (only === undefined) return [];
  return [
    ...only.arch === undefined ? [] : [`set arch=${only.arch}`],
    ...images.map(({ image }) =>
      `if [ "$arch" = ${image.arch} ]; then load ${
        formatChannelArch(image)
      }; fi`
    ),
  ];
}

/**
 * The first configuration of a GRUB that was loaded by TFTP.
 *
 * @param server address and port, for HTTP
 */
export function grubRedirect(server: string): string {
  return lines(`configfile "(http,${server})/grub.cfg"`);
}
