import {
  type ChannelArch,
  formatChannelArch,
} from "../../core/channel_arch.ts";
import { refuse, type Result } from "../../core/result.ts";

/** How often a script tries, counting the first time. */
export const ATTEMPTS = 5;
/** Between two tries. */
export const RETRY_DELAY_SECONDS = 2;
/** How long a menu waits for a key, before it takes the first image. */
export const MENU_TIMEOUT_SECONDS = 10;
/** How long a message is left to be read where nothing else can be done. */
export const MESSAGE_SECONDS = 10;

/** A script of lines. */
export function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}

/** A version may hold anything; in a script it is to be one harmless word. */
export function word(version: string): string {
  return version.replaceAll(/[^A-Za-z0-9.+:~_-]/g, "_").slice(0, 64);
}

/** What a menu says where it has nothing for a machine: `served: ...`. */
export function servedNames(
  images: readonly { readonly image: ChannelArch }[],
): string {
  const names = images.map(({ image }) => formatChannelArch(image));
  return `served: ${names.join(", ") || "nothing yet"}`;
}

/** Why there is no script for an image. */
export function unsayable(
  image: ChannelArch,
  loader: "iPXE" | "GRUB",
  reason: string,
): Result<never> {
  return refuse(
    `The cmdline of ${
      formatChannelArch(image)
    } cannot be passed by ${loader}: ${reason}`,
  );
}
