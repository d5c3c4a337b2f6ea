import {
  type ChannelArch,
  formatChannelArch,
} from "../../core/channel_arch.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import type { BootChoice, MachineId } from "../../machines/machine_rows.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import { type BootFiles, bootFiles } from "./boot_files.ts";
import { filledCmdline } from "./placeholders.ts";

/** How often a script tries, counting the first time. */
export const ATTEMPTS = 5;
/** Between two tries. */
export const RETRY_DELAY_SECONDS = 2;
/** How long a menu waits for a key, before it takes what is first. */
export const MENU_SECONDS = 10;
/** How long a message is left to be read where nothing else can be done. */
export const MESSAGE_SECONDS = 10;

/** A script of lines. */
export function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}

/** A version may contain anything; in a script it must be one harmless word. */
export function word(version: string): string {
  return version.replaceAll(/[^A-Za-z0-9.+:~_-]/g, "_").slice(0, 64);
}

/** What a menu says when it has nothing for a machine: `served: ...`. */
export function servedNames(
  images: readonly { readonly image: ChannelArch }[],
): string {
  const names = images.map(({ image }) => formatChannelArch(image));
  return `served: ${names.join(", ") || "nothing yet"}`;
}

/** The client that a script is made for. */
export interface ScriptClient {
  /** This provider, as the client reaches it: what `{url}` is made of. */
  readonly providerUrl: string;
  /** Words of the machine's row, which are added to the command line. */
  readonly words?: string;
}

/** How a script shows what was added for a machine; none where nothing was. */
export function addedWords({ words }: ScriptClient): readonly string[] {
  return words === undefined
    ? []
    : [`# Added for this machine, not signed: ${words}`];
}

/** What the menus of both loaders are made for. */
export interface MenuOptions {
  /** What the machine gets. */
  readonly choice: BootChoice;
  /** What it has sent, to be passed on. */
  readonly told: MachineId;
  /**
   * What the loader is to tell in asking once more: it has told nothing yet,
   * and that makes a difference. `all`: more than its MAC address.
   */
  readonly asks: "nothing" | "mac" | "all";
}

/** The parts of a menu. */
export interface MenuParts<T> {
  /** In menu order. */
  readonly images: readonly T[];
  /** What is booted without a question. */
  readonly only?: { readonly channel: string; readonly arch?: string };
  /** What is wrong: a line for people. */
  readonly problem?: string;
}

/** What is in a menu for a machine that gets this. */
export function menuParts<T extends { readonly image: ChannelArch }>(
  images: readonly T[],
  choice: BootChoice,
): MenuParts<T> {
  if (choice.kind !== "network" && choice.kind !== "menu") return { images };
  const isFirst = ({ image }: T) => image.channel === choice.channel;
  if (choice.kind === "menu") {
    return {
      images: [
        ...images.filter(isFirst),
        ...images.filter((each) => !isFirst(each)),
      ],
    };
  }
  const { kind: _, ...only } = choice;
  const ofChannel = images.filter(isFirst);
  return ofChannel.length > 0 ? { images: ofChannel, only } : {
    images,
    problem: `Channel ${choice.channel} of this machine is not here; ${
      servedNames(images)
    }`,
  };
}

/** What the script of an image loads and says. */
export interface ScriptParts extends BootFiles {
  /** The kernel's arguments, as words of the loader's command. */
  readonly args: string;
}

/**
 * What the script of an image is made of: the files to load, and the kernel's
 * arguments.
 *
 * @param loaderArguments writes a command line for that loader
 */
export function scriptParts(
  served: ServedImage,
  { providerUrl, words = "" }: ScriptClient,
  loader: "iPXE" | "GRUB",
  loaderArguments: (cmdline: string) => Result<string>,
): Result<ScriptParts> {
  const cmdline = filledCmdline(served, providerUrl);
  const args = cmdline.ok
    ? loaderArguments(`${cmdline.value} ${words}`.trim())
    : cmdline;
  if (!args.ok) {
    const name = formatChannelArch(served.image);
    return refuse(
      `The cmdline of ${name} cannot be passed by ${loader}: ${args.reason}`,
    );
  }
  const files = bootFiles(served);
  return files.ok ? ok({ ...files.value, args: args.value }) : files;
}
