import { join } from "node:path";
import { parseDuration } from "../config/setting_values.ts";
import type { ChannelArch } from "../core/channel_arch.ts";
import { UsageError } from "../core/errors.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import { ClientTrust } from "../discover/client_trust.ts";
import { createMdnsSource } from "../discover/mdns_source.ts";
import type { Source } from "../discover/source.ts";
import { fetchImage } from "../fetch/fetch_image.ts";
import { isOwnCandidate } from "../mirror/find_release.ts";
import { Mirror } from "../mirror/mirror.ts";
import type { MirrorSources } from "../mirror/mirror_tools.ts";
import { httpGet, openHttpClient } from "../net/http1/get.ts";
import { asksForLoopback, systemAddresses } from "../net/interfaces.ts";
import type {
  Machine,
  MirrorProvider,
  ServeConfig,
} from "../provider/machine.ts";
import { serve } from "../provider/serve.ts";
import { trustDirectory } from "../provider/state_directory.ts";
import {
  type CommandValues,
  openMachine,
  readConfig,
} from "./command_context.ts";
import { mirrorDisk } from "./mirror_disk.ts";
import { logRuntimeWarnings } from "./output.ts";
import {
  LEAVE_TIMEOUT_MS,
  type LongRunContext,
  openManager,
} from "./provider_commands.ts";
import { readAnchor } from "./read_anchor.ts";

/** `plasmd mirror`: follows another owner's images until it is stopped. */
export async function runMirror(
  values: CommandValues<"mirror">,
  { hangUps, signal, allowToEnd }: LongRunContext,
): Promise<void> {
  const machine = openMachine(values);
  const config = await mirrorConfig(values, machine, { signal });
  const images = imagesOf(config);
  const anchor = await readAnchor(values, { signal });
  if (anchor.kind === "nobody") {
    throw new UsageError(
      "Cannot mirror without knowing whom to trust: name the owner's public key with --key, or a trust file with --trust",
    );
  }
  if (!config.mdns.enabled && !config.dht.enabled) {
    throw new UsageError(
      "Cannot find anything to mirror: mDNS and the DHT are both off",
    );
  }
  allowToEnd(config.http.drainTimeoutSeconds * 1000 + LEAVE_TIMEOUT_MS);
  await logRuntimeWarnings(machine.logger);
  const { clock, fileSystem, logger } = machine;
  await fileSystem.makeDirectory(config.artifactsDir, 0o755);
  const path = join(config.stateDir, "mirror.json");
  const every = parseDuration(values.every);
  const mirror = await Mirror.open(images, {
    ...{ httpGet, disk: mirrorDisk, clock, logger },
    async fetchImage(options, bounds) {
      using client = openHttpClient();
      return await fetchImage({ ...options, httpGet: client.get }, bounds);
    },
    artifactsDir: config.artifactsDir,
    trustDir: trustDirectory(config.stateDir),
    everyMs: every.ok ? every.value : 0,
    openTrust: ({ clockTrusted, signal }) =>
      ClientTrust.open(
        { anchor, store: { path, fileSystem }, clockTrusted },
        { signal },
      ),
    openSources: (provider) => openSources(provider, config, machine),
    isClockTrusted: () => isClockTrusted(machine),
    random: Math.random,
  }, { signal });
  using _hangUps = hangUps.subscribe(() => mirror.askNow());
  await using manager = openManager(machine, { signal });
  try {
    await serve(config, machine, {
      changes: { subscribe: () => ({ [Symbol.dispose]() {} }) },
      onReady: () => manager.ready(),
      mirroring: mirror,
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** @throws UserError */
async function mirrorConfig(
  values: CommandValues<"mirror">,
  { logger }: Machine,
  { signal }: { readonly signal: AbortSignal },
): Promise<ServeConfig> {
  const shared = await readConfig(values, logger, { signal });
  return {
    ...shared,
    // A directory of its own, apart from that of a provider on this machine.
    stateDir: values.stateDir ?? join(shared.stateDir, "mirror"),
    signing: { ...shared.signing, keys: [] },
    // All mirrored images are in one tree.
    channelSettings: new Map(),
  };
}

function imagesOf({ channels, architectures }: ServeConfig): ChannelArch[] {
  if (channels === undefined || architectures === undefined) {
    throw new UsageError(
      "Cannot mirror without knowing what: name channels with --channel and architectures with --arch",
    );
  }
  return channels.flatMap((channel) =>
    architectures.map((arch) => ({ channel, arch }))
  );
}

/** Searches for other providers as a client does. */
async function openSources(
  { node, httpPort }: MirrorProvider,
  { mdns, dht, interfaces, advertiseUrl }: ServeConfig,
  machine: Machine,
): Promise<MirrorSources> {
  const { clock } = machine;
  const addresses = systemAddresses();
  const sources: Source[] = [];
  if (mdns.enabled) sources.push(createMdnsSource({ clock, interfaces }));
  let onPeer = (_multiaddr: string) => {};
  if (node !== undefined) {
    const { createDhtSource } = await import("../discover/dht_source.ts");
    const source = createDhtSource({
      // Its own node knows nodes that are not in the configuration.
      bootstrap: [...node.addresses(), ...dht.bootstrapNodes],
      protocol: dht.protocol,
      isAmino: dht.network === "amino",
      loopbackOnly: asksForLoopback(addresses, interfaces),
      clock,
      isClockTrusted: isClockTrusted(machine),
    });
    sources.push(source);
    // Those of the LAN are of a private DHT.
    if (dht.network === "private") onPeer = source.addPeer;
  }
  return {
    sources,
    onPeer,
    isOwn: (candidate) =>
      isOwnCandidate(candidate, {
        ...{ peerId: node?.peerId, advertiseUrl, httpPort },
        addresses: addresses.map(({ address }) => address),
      }),
  };
}

function isClockTrusted({ clock }: Machine): boolean {
  return clock.now() >= RELEASED_AT_MS;
}
