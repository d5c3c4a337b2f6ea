import { inBackground } from "../core/background.ts";
import { formatChannelArch } from "../core/channel_arch.ts";
import { remembered, untilAbort } from "../core/clock.ts";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/printable.ts";
import type { ImageCatalog } from "../http/artifacts/image_catalog.ts";
import type { Machines } from "../machines/machines.ts";
import { defaultRouteAddress } from "../net/default_route.ts";
import type { BootClient } from "../net/dhcp/boot_client.ts";
import type { DhcpNetwork, SocketTrouble } from "../net/dhcp/network.ts";
import { systemDhcpNetwork } from "../net/dhcp/system_network.ts";
import type { HttpServer } from "../net/http1/server.ts";
import { isLoopbackAddress, selectLinks } from "../net/interfaces.ts";
import { httpBaseUrl } from "../net/ip_address.ts";
import { openTftpServer, type TftpServer } from "../net/tftp/tftp_server.ts";
import { decideOffer, type OfferDecision } from "../pxe/offer.ts";
import { describePxeLink, ProxyDhcp, type PxeLink } from "../pxe/proxy_dhcp.ts";
import { listensOn } from "./addresses.ts";
import type { Machine, ServeConfig } from "./machine.ts";
import { OfferView } from "./offer_view.ts";
import { openPxeLoaders } from "./pxe_loaders.ts";

/** How often interfaces and the directory of loaders are looked at. */
const LOOK_INTERVAL_MS = 5000;
/** How long the default route is not asked for again: a rack needs it at once. */
const ROUTE_HOLDS_MS = 1000;

/** What bare machines are offered, and with what. */
export interface PxeParts {
  readonly http: Pick<HttpServer, "hostname" | "port">;
  /** What is served. */
  readonly catalog: ImageCatalog;
  /** Gives those settings that hold at the moment. */
  readonly settings: () => ServeConfig;
  /** The settings and the steps of machines. */
  readonly machines: Machines;
  /** Where the sockets of DHCP are opened. @default {systemDhcpNetwork} */
  readonly network?: DhcpNetwork;
}

/**
 * Leads machines that boot from the network here while it is open: ProxyDHCP
 * and TFTP, on every link in use.
 *
 * @throws UserError where their ports cannot be had
 */
export async function openPxe(
  config: ServeConfig,
  machine: Machine,
  parts: PxeParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  if (!config.pxe.enabled) return stack.move();
  const { network = systemDhcpNetwork, settings } = parts;
  const { clock, logger } = machine;
  const loaders = openPxeLoaders(machine, parts);
  const view = new OfferView({ ...parts, loaders });
  const opened = await ProxyDhcp.open({
    network,
    relays: config.pxe.relays,
    decide: (client) => decideOffer(client, view.state()),
    onDecision: (client, decision) => noteDecision(client, decision, parts),
    defaultRoute: remembered(
      clock,
      ROUTE_HOLDS_MS,
      () => defaultRouteAddress({ clock, signal }),
    ),
    clock,
    logger,
  });
  if (!opened.ok) throw portError(opened.reason);
  const proxy = stack.use(opened.value);
  const tftp = stack.use(
    await openTftpServer(
      { addresses: [], ...loaders, clock, logger },
      { signal },
    ),
  );
  const said = new Map<string, string>();
  const say = (level: "info" | "warn", line: string) => {
    if (said.get(level) !== line && line !== "") logger[level](line);
    said.set(level, line);
  };
  const look = async () => {
    await view.look();
    const links = pxeLinks(config, network, parts.http);
    await proxy.useLinks(links);
    const trouble = await listenOn(tftp, links);
    say("info", linksLine(links, settings().pxe.unknown));
    say("warn", links.length === 0 ? NO_LINKS : trouble);
  };
  await look();
  stack.use(inBackground(async ({ signal }) => {
    while (true) {
      await untilAbort(clock, LOOK_INTERVAL_MS, [signal]);
      if (signal.aborted) return;
      // Out of file descriptors, say: the next look may find better times.
      await look().catch((error) => say("warn", messageOf(error)));
    }
  }, machine));
  return stack.move();
}

const NO_LINKS =
  "PXE answers no machine: no link has an IPv4 address that HTTP is served on; check --interface and --bind";

/** Links of IPv4 on which HTTP is reached; loopback leads to no machine. */
function pxeLinks(
  { interfaces, advertiseUrl }: ServeConfig,
  network: DhcpNetwork,
  http: PxeParts["http"],
): PxeLink[] {
  return selectLinks(network.addresses(), interfaces).flatMap((link) => {
    const [{ address } = { address: "" }] = link.addresses;
    if (link.family !== 4 || isLoopbackAddress(address)) return [];
    const isServed = listensOn(http.hostname, address);
    if (!isServed && advertiseUrl === undefined) return [];
    const { interfaceName } = link;
    const baseUrl = advertiseUrl ?? httpBaseUrl(address, http.port);
    return [{ interfaceName, address, baseUrl }];
  });
}

/** @returns empty where there is none */
function linksLine(links: readonly PxeLink[], unknown: string): string {
  if (links.length === 0) return "";
  const fate = unknown === "menu"
    ? "get a menu"
    : unknown === "ignore"
    ? "are ignored"
    : `boot ${unknown}`;
  return `Machines that boot by PXE are answered on ${
    links.map(describePxeLink).join(", ")
  }; those not listed in [[machines]] ${fate}`;
}

/** @returns what is wrong, empty where nothing is */
async function listenOn(
  tftp: TftpServer,
  links: readonly PxeLink[],
): Promise<string> {
  try {
    await tftp.listenOn(links.map(({ address }) => address));
    return "";
  } catch (error) {
    return `Cannot serve boot loaders by TFTP on UDP port 69: ${
      messageOf(error)
    }; HTTP boot still works`;
  }
}

/** One line for each step, and the last of each for operators. */
function noteDecision(
  { mac }: BootClient,
  { uuid, firmware, image, what, offer }: OfferDecision,
  { machines, catalog }: PxeParts,
): void {
  if (what === undefined) return;
  machines.steps.note({
    mac,
    ...uuid !== undefined && { uuid },
    ...firmware !== undefined && { firmware },
    ...image !== undefined && { image },
    ...offer !== undefined && { file: nameWhenSent(offer.file, catalog) },
    step: offer === undefined ? "seen" : "offered",
    what,
  });
}

/** The name under which the sending of a file is noted. */
function nameWhenSent(file: string, catalog: ImageCatalog): string {
  for (const { image, artifacts } of catalog.images()) {
    const name = formatChannelArch(image);
    const kernel = artifacts.get("kernel");
    if (file === `/${name}/kernel.efi` && kernel !== undefined) {
      return `${name}/${kernel.filename}`;
    }
  }
  return file.replace(/^\//, "");
}

function portError({ kind, message }: SocketTrouble): UserError {
  const remedy = kind === "forbidden"
    ? "it requires the capability CAP_NET_BIND_SERVICE: run as root, or by systemd with examples/plasmd-pxe.conf, or grant it to the executable by setcap cap_net_bind_service=+ep FILE"
    : kind === "taken"
    ? "another program on this machine holds it: dnsmasq shares it if its configuration has bind-dynamic; otherwise stop that program, or run plasmd on another machine"
    : message;
  return new UserError(
    `Cannot answer machines that boot by PXE on UDP port 67: ${remedy}`,
  );
}
