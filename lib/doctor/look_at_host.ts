import type { Clock } from "../core/clock.ts";
import type { DhcpNetwork } from "../net/dhcp/network.ts";
import type { AskPassphrase } from "../manifest/signing_key.ts";
import { loadersOnDisk, portsInTheWay, pxePortsMissed } from "./host_ports.ts";
import {
  type HostDisk,
  type HostSettings,
  type HostView,
  imagesOnDisk,
  keysOnDisk,
  processOf,
  stateOnDisk,
} from "./host_view.ts";
import { readLimits } from "./limits.ts";
import { isCovered } from "./link_findings.ts";
import { absentInterfaces } from "./passed_over.ts";
import type { ProviderView } from "./provider_view.ts";

/** A provider's settings, and access to the machine they are for. */
export interface HostParts extends HostDisk {
  /** As `plasmd serve` would have them. */
  readonly settings: HostSettings;
  /** Whether the user says that the running provider has these settings. */
  readonly areNamed: boolean;
  /** Throws KeyUnseenError if only a person could enter it. */
  readonly passphrase: AskPassphrase;
  /** Where PXE ports are tried. */
  readonly network: DhcpNetwork;
  /** For timeouts. */
  readonly clock: Clock;
}

/**
 * Examines this machine by the settings: what a running provider does not
 * report about itself, or, if none runs, whether one could.
 *
 * @param provider what the one running here reports about itself
 * @throws the signal's reason, if it aborts first
 */
export async function lookAtHost(
  provider: ProviderView | undefined,
  parts: HostParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<HostView> {
  const { settings, areNamed, network, clock, fileSystem, passphrase } = parts;
  const isRunning = provider !== undefined;
  const { keys, notLookedAt } = await keysOnDisk(settings, parts, {
    passphrase,
    isRunning,
    signal,
  });
  const isProviders = provider === undefined || areNamed ||
    keys.some(({ keyId }) =>
      keyId !== undefined && provider.signedBy.includes(keyId)
    );
  if (!isProviders) return ofOthers(settings);
  const state = await stateOnDisk(settings.stateDir, parts, { isRunning });
  const pid = provider === undefined
    ? undefined
    : await processOf(settings.stateDir, parts);
  const images = provider === undefined
    ? await imagesOnDisk(settings, parts, { signal })
    : undefined;
  const arches = (provider?.images ?? (images?.ok ? images.value.whole : []))
    .map(({ arch }) => arch);
  return {
    ...images !== undefined && { images },
    keys,
    state: state.ok ? state.value : undefined,
    ports: provider === undefined
      ? await portsInTheWay(settings, network)
      : await pxePortsMissed(settings, network, {
        isServed: (address) => isCovered(address, provider.http.address),
        clock,
        signal,
      }),
    interfacesMissing: isRunning
      ? []
      : absentInterfaces(network.addresses(), settings.interfaces),
    loaders: await loadersOnDisk(settings, new Set(arches), fileSystem),
    limits: await readLimits(pid, fileSystem),
    notLookedAt: [
      ...notLookedAt,
      ...state.ok ? [] : [
        `what can be kept in the state directory: ${state.reason}; run this as the user of plasmd`,
      ],
    ],
  };
}

/** The running provider was started with other settings than these. */
function ofOthers({ stateDir }: HostSettings): HostView {
  return {
    keys: [],
    state: undefined,
    ports: [],
    interfacesMissing: [],
    loaders: undefined,
    limits: undefined,
    notLookedAt: [
      `keys, disk and loaders of the provider, which signs with no key of "${stateDir}": give doctor the options that plasmd serve has`,
    ],
  };
}
