import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";
import {
  type BootChoice,
  bootChoice,
  type MachineRow,
  rowFor,
  type UnknownMachines,
  uuidOfBytes,
} from "../machines/machine_rows.ts";
import type { BootClient } from "../net/dhcp/boot_client.ts";
import { type BootFirmware, firmwareOf } from "./firmware.ts";
import { type Firmware, formatFirmware } from "./loaders.ts";

/** An image that machines can boot. */
export interface OfferedImage extends ChannelArch {
  /** Whether firmware can start it directly: a unified kernel image. */
  readonly isUnified: boolean;
}

/** What an offer is decided from. */
export interface OfferState {
  /** Patterns of MAC addresses that are answered; none: all. */
  readonly allow: readonly string[];
  /** Patterns of those that are not, whatever `allow` says. */
  readonly deny: readonly string[];
  /** The operator's rows for single machines. */
  readonly machines: readonly MachineRow[];
  /** What becomes of the others. */
  readonly unknown: UnknownMachines;
  /** What is served. */
  readonly images: readonly OfferedImage[];
  /** The name of a boot loader, or a clause that names what is missing. */
  readonly loaderFor: (firmware: Firmware) => Result<string>;
}

/** What a client gets. */
export interface Offer {
  /** Over what it fetches the file. */
  readonly transport: "TFTP" | "HTTP";
  /** A name for TFTP, or a path below the provider's URL, with its slash. */
  readonly file: string;
  /** Whether the client has firmware of the BIOS kind. */
  readonly isBios: boolean;
}

/** What becomes of a request. */
export interface OfferDecision {
  /** Unset: not a packet is sent. */
  readonly offer?: Offer;
  /** The machine, in the form of `machine_rows.ts`. */
  readonly uuid?: string;
  /** `UEFI x86_64`, where its kind is known. */
  readonly firmware?: string;
  /** What it is about, where that is one image. */
  readonly image?: string;
  /** Printed after the machine; unset: no line. */
  readonly what?: string;
}

/**
 * Decides what a machine is offered, if anything: only what exists, that is an
 * image for its processor and a boot loader for its firmware.
 */
export function decideOffer(
  client: BootClient,
  state: OfferState,
): OfferDecision {
  const { mac, archType } = client;
  const uuid = client.uuid && uuidOfBytes(client.uuid);
  const isMeant = (patterns: readonly string[]) =>
    patterns.some((pattern) => matchesMac(mac, pattern));
  if (isMeant(state.deny)) return {};
  if (state.allow.length > 0 && !isMeant(state.allow)) return {};
  const row = rowFor(state.machines, {
    mac,
    ...uuid !== undefined && { uuid },
  });
  const choice = bootChoice(row, state.unknown);
  if (choice.kind === "ignore") return {};
  const firmware = firmwareOf(archType);
  const known = {
    ...uuid !== undefined && { uuid },
    ...firmware !== undefined && { firmware: formatFirmware(firmware) },
  };
  if (choice.kind === "local") {
    return { ...known, what: "left to its own disk" };
  }
  if (firmware === undefined) {
    const what =
      `offered nothing, since its firmware type ${archType} is unknown`;
    return { ...known, what };
  }
  return { ...known, ...offerOf(client, { firmware, choice, row, state }) };
}

/** What the decision depends on, once the machine is known. */
interface Case {
  readonly firmware: BootFirmware;
  readonly choice: Exclude<BootChoice, { kind: "local" | "ignore" }>;
  readonly row: MachineRow | undefined;
  readonly state: OfferState;
}

function offerOf(
  client: BootClient,
  { firmware, choice, row, state }: Case,
): OfferDecision {
  const { transport } = firmware;
  const isBios = firmware.kind === "BIOS";
  const image = imageFor(firmware, choice, state.images);
  if (typeof image === "string") return { what: `offered nothing, ${image}` };
  const name = image === undefined ? "the menu" : formatChannelArch(image);
  const about = image !== undefined && { image: name };
  const byHttp = (file: string): OfferDecision => ({
    ...about,
    offer: { transport: "HTTP", file, isBios },
    what: `offered ${name} by HTTP`,
  });
  // There it identifies itself, with its serial number, too.
  if (client.isIpxe) return byHttp("/boot.ipxe");
  // What adds words to the command line is the loader's script.
  if (transport === "HTTP" && image?.isUnified && row?.cmdline === undefined) {
    return byHttp(`/${name}/kernel.efi`);
  }
  const loader = state.loaderFor(firmware);
  if (!loader.ok) {
    return { ...about, what: `offered nothing, ${loader.reason}` };
  }
  const file = transport === "HTTP" ? `/boot/${loader.value}` : loader.value;
  return {
    ...about,
    offer: { transport, file, isBios },
    what: `offered ${name}, for which ${loader.value} comes by ${transport}`,
  };
}

/**
 * @returns undefined for a menu that has something to choose from, or a clause
 * that says what is missing
 */
function imageFor(
  firmware: Firmware,
  choice: Case["choice"],
  images: readonly OfferedImage[],
): OfferedImage | undefined | string {
  if (choice.kind === "menu") {
    return images.some(({ arch }) => arch === firmware.arch)
      ? undefined
      : `since no image for ${firmware.arch} is served`;
  }
  const { channel, arch = firmware.arch } = choice;
  return images.find((one) => one.channel === channel && one.arch === arch) ??
    `since ${channel}/${arch} is not served`;
}

/**
 * Whether a MAC address is meant by a pattern.
 *
 * @param mac as in `52:54:00:12:34:56`
 * @param pattern the same, in which `*` stands for any characters
 */
export function matchesMac(mac: string, pattern: string): boolean {
  const parts = pattern.split("*").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join(".*")}$`).test(mac);
}
