import { errorCode } from "../core/error_code.ts";
import { orReason } from "../core/or_reason.ts";
import type { FileSystem } from "../core/file_system.ts";
import { openLoaderScope } from "../http/artifacts/loader_files.ts";
import {
  DHCP_SERVER_PORT,
  type DhcpNetwork,
  LIMITED_BROADCAST,
  PROXY_DHCP_PORT,
} from "../net/dhcp/network.ts";
import { hasIpv6, type Listen, openListeners } from "../net/http1/listeners.ts";
import { isLoopbackAddress, selectLinks } from "../net/interfaces.ts";
import { loaderReport } from "../pxe/loaders.ts";
import { listImage } from "../scan/image_listing.ts";
import type { HostSettings, LoadersView, PortView } from "./host_view.ts";

const TFTP_PORT = 69;

/**
 * The ports that a provider needs at its start and cannot have: each is bound,
 * and let go of at once.
 *
 * @param listen for tests
 */
export async function portsInTheWay(
  settings: HostSettings,
  network: DhcpNetwork,
  listen?: Listen,
): Promise<PortView[]> {
  const { bind, port, dht, pxe } = settings;
  const tcp = [port, ...dht.enabled ? [dht.port ?? 0] : []]
    .filter((port) => port !== 0);
  const hostname = bind ?? (hasIpv6(listen) ? "::" : "0.0.0.0");
  return [
    ...tcp.flatMap((port) => tcpPort(hostname, port, listen)),
    ...pxe.enabled ? await pxePorts(settings, network) : [],
  ];
}

function tcpPort(
  hostname: string,
  port: number,
  listen: Listen | undefined,
): PortView[] {
  const name = `TCP port ${port}`;
  try {
    for (const listener of openListeners(hostname, port, listen)) {
      listener.close();
    }
    return [];
  } catch (error) {
    switch (errorCode(error)) {
      case "EADDRINUSE":
        return [{ name, problem: "taken" }];
      case "EACCES":
        return [{ name, problem: "forbidden" }];
      default: // an address that this machine has not: the log says so
        return [];
    }
  }
}

/** Those of DHCP, for proxies too, and of TFTP. */
async function pxePorts(
  { interfaces }: HostSettings,
  network: DhcpNetwork,
): Promise<PortView[]> {
  const addresses = selectLinks(network.addresses(), interfaces)
    .flatMap(({ family, addresses: [first] }) =>
      family !== 4 || first === undefined || isLoopbackAddress(first.address)
        ? []
        : [first.address]
    );
  const places = [
    { address: LIMITED_BROADCAST, port: DHCP_SERVER_PORT },
    ...[TFTP_PORT, PROXY_DHCP_PORT].flatMap((port) =>
      addresses.map((address) => ({ address, port }))
    ),
  ];
  const inTheWay = new Map<string, PortView>();
  for (const place of places) {
    const opened = await network.open(place, () => {});
    const name = `UDP port ${place.port}`;
    if (opened.ok) await opened.value[Symbol.asyncDispose]();
    else if (opened.reason.kind === "taken") {
      inTheWay.set(name, { name, problem: "taken" });
    } else if (opened.reason.kind === "forbidden") {
      inTheWay.set(name, { name, problem: "forbidden" });
    }
  }
  return [...inTheWay.values()];
}

/**
 * The boot loaders that the settings name.
 *
 * @param arches of the images that there are
 * @returns undefined where bare machines are not led here
 * @throws SystemLimitError
 */
export async function loadersOnDisk(
  { pxe, stateDir }: HostSettings,
  arches: ReadonlySet<string>,
  fileSystem: FileSystem,
): Promise<LoadersView | undefined> {
  const { enabled, loaders: path } = pxe;
  if (!enabled || path === undefined) return undefined;
  const scope = await openLoaderScope({ loaders: path, stateDir }, fileSystem);
  const listing = scope.ok ? await orReason(listImage(scope.value)) : scope;
  if (!listing.ok) return { path, problem: listing.reason, missing: [] };
  const names = new Set(listing.value.files.keys());
  const chosen = {
    bios: pxe.biosLoader,
    x86_64: pxe.x86Loader,
    arm64: pxe.arm64Loader,
  };
  const missing = [...arches].flatMap((arch) => {
    const report = loaderReport(new Set([arch]), names, chosen);
    // Where there is one for UEFI, that old firmware has none may be meant so.
    return report.found === undefined ? report.missing : [];
  });
  return { path, missing };
}
