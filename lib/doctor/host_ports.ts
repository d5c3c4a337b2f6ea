import { whenAborted } from "../core/abort.ts";
import { type Clock, deadline } from "../core/clock.ts";
import { errorCode } from "../core/error_code.ts";
import { orReason } from "../core/or_reason.ts";
import type { FileSystem } from "../core/file_system.ts";
import { openLoaderScope } from "../http/artifacts/loader_files.ts";
import {
  DHCP_SERVER_PORT,
  type DhcpNetwork,
  LIMITED_BROADCAST,
  PROXY_DHCP_PORT,
  type UdpEndpoint,
} from "../net/dhcp/network.ts";
import { hasIpv6, type Listen, openListeners } from "../net/http1/listeners.ts";
import { isLoopbackAddress, selectLinks } from "../net/interfaces.ts";
import {
  encodeAcknowledgement,
  encodeReadRequest,
  TFTP_PORT,
} from "../net/tftp/packet.ts";
import { loaderReport } from "../pxe/loaders.ts";
import { listImage } from "../scan/image_listing.ts";
import type { HostSettings, LoadersView, PortView } from "./host_view.ts";

/**
 * The ports that a provider needs at its start and cannot have. Each is bound
 * and released at once.
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
      case "EADDRNOTAVAIL":
      case undefined: // a name that does not resolve
        return [{ name: hostname, problem: "absent" }];
      default:
        return [];
    }
  }
}

/** The ports of DHCP, of ProxyDHCP and of TFTP. */
function pxePorts(
  settings: HostSettings,
  network: DhcpNetwork,
): Promise<PortView[]> {
  const addresses = pxeAddresses(settings, network);
  return udpPorts([
    { address: LIMITED_BROADCAST, port: DHCP_SERVER_PORT },
    ...[TFTP_PORT, PROXY_DHCP_PORT].flatMap((port) =>
      addresses.map((address) => ({ address, port }))
    ),
  ], network);
}

/** For each link, the address from which bare machines are answered. */
function pxeAddresses(
  { interfaces }: HostSettings,
  network: DhcpNetwork,
): string[] {
  return selectLinks(network.addresses(), interfaces)
    .flatMap(({ family, addresses: [first] }) =>
      family !== 4 || first === undefined || isLoopbackAddress(first.address)
        ? []
        : [first.address]
    );
}

/**
 * The PXE ports that a running provider lacks. It shares the ProxyDHCP port; it
 * owns the TFTP port, so that is tested by requesting a file.
 *
 * @param isServed whether it serves HTTP at an address; it ignores the others
 */
export async function pxePortsMissed(
  settings: HostSettings,
  network: DhcpNetwork,
  { isServed, clock, signal }: {
    readonly isServed: (address: string) => boolean;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<PortView[]> {
  if (!settings.pxe.enabled) return [];
  const addresses = pxeAddresses(settings, network).filter(isServed);
  const answers = await Promise.all(
    addresses.map((address) => hasTftp(address, network, { clock, signal })),
  );
  const shared = await udpPorts(
    addresses.map((address) => ({ address, port: PROXY_DHCP_PORT })),
    network,
  );
  return [
    ...answers.every(Boolean)
      ? []
      : [{ name: `UDP port ${TFTP_PORT}`, problem: "taken" as const }],
    // If only doctor is not permitted to bind it, that says nothing.
    ...shared.filter(({ problem }) => problem === "taken"),
  ];
}

/** A file that every provider has, and that fits in one block. */
const SERVED_BY_TFTP = "autoexec.ipxe";
const TFTP_MS = 2000;

/** Whether TFTP answers at an address of this machine. */
async function hasTftp(
  address: string,
  network: DhcpNetwork,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<boolean> {
  using limit = deadline(clock, TFTP_MS, { signal });
  const answer = Promise.withResolvers<UdpEndpoint | undefined>();
  const opened = await network.open(
    { address, port: 0 },
    (_, from) => answer.resolve(from),
  );
  if (!opened.ok) return true; // The address is gone: TFTP is unknown.
  await using socket = opened.value;
  await socket.send(encodeReadRequest(SERVED_BY_TFTP), {
    address,
    port: TFTP_PORT,
  });
  const from = await Promise.race([
    answer.promise,
    whenAborted(limit.signal).then(() => undefined),
  ]);
  signal.throwIfAborted();
  // So that the block is not sent again.
  if (from !== undefined) await socket.send(encodeAcknowledgement(1), from);
  return from !== undefined;
}

async function udpPorts(
  places: readonly UdpEndpoint[],
  network: DhcpNetwork,
): Promise<PortView[]> {
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
 * The boot loaders that the settings name, as found on disk.
 *
 * @param arches the architectures of the images
 * @returns undefined if bare machines are not booted from here
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
    // With a loader for UEFI, lacking one for old firmware may be intended.
    return report.found === undefined ? report.missing : [];
  });
  return { path, missing };
}
