import { Bell } from "../core/bell.ts";
import type { Logger } from "../core/log.ts";
import { once } from "../core/once.ts";
import { VERSION } from "../core/version.ts";
import { createHttpApp } from "../http/app.ts";
import type { TransferLimits } from "../http/artifacts/transfers.ts";
import {
  loadOrCreateSigningKey,
  loadSigningKey,
  type SigningKey,
} from "../manifest/signing_key.ts";
import { openHttpServer } from "../net/http1/server.ts";
import { systemAddresses } from "../net/interfaces.ts";
import { ArtifactWatcher } from "../scan/artifact_watcher.ts";
import { httpBaseUrl, httpListenAddress } from "./addresses.ts";
import { reloadConfig } from "./config_reload.ts";
import { discoveryStatus } from "./discovery_status.ts";
import { ImageLibrary } from "./image_library.ts";
import { keepOffering, offerFirst } from "./keep_offering.ts";
import type { ConfigSource, Machine, ServeConfig } from "./machine.ts";
import { type Advertising, openAdvertising } from "./open_advertising.ts";
import { Reconciler } from "./reconciler.ts";
import { openStateDirectory, signingKeyPath } from "./state_directory.ts";

/** For clients that fetch a file range by range, and its verification. */
const KEEP_OPEN_MS = 1000;

/**
 * Offers the images of a directory until the signal aborts: `plasmd serve`.
 * What is opened is closed in reverse, so that images are withdrawn before
 * the downloads that are under way are drained.
 *
 * @param changes of the configuration, while it runs
 * @param onReady called once, when what lies on disk is served and advertised
 * @throws UserError for what the operator has to mend
 */
export async function serve(
  config: ServeConfig,
  machine: Machine,
  { changes, onReady, signal }: {
    readonly changes: ConfigSource;
    readonly onReady: () => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { fileSystem, clock, logger, statusLine } = machine;
  await using stack = new AsyncDisposableStack();
  stack.use(await openStateDirectory(config.stateDir, machine));
  const loadSigner = once(() => openSigner(config, machine, { signal }));
  // A key that was named must be there, whether it is needed now or not.
  if (config.signing.key !== undefined) await loadSigner();
  const library = new ImageLibrary({
    scan: config,
    stateDir: config.stateDir,
    loadSigner,
    expiresDays: config.signing.expiresDays,
    fileSystem,
    clock,
    logger,
    statusLine,
  });
  const bell = new Bell();
  let live = config;
  stack.use(changes.subscribe((next) => {
    live = takeChanges(live, next, logger);
    library.configure(live, live.signing);
    bell.ring();
  }));
  const startedMs = clock.now();
  let advertising: Advertising | undefined;
  const http = stack.use(openHttpServer({
    app: createHttpApp({
      catalog: library,
      trustDocuments: () => library.trustDocuments(),
      fileSystem,
      keepOpenMs: KEEP_OPEN_MS,
      clock,
      logger,
      status: () => ({
        name: config.name ?? machine.hostName,
        version: VERSION,
        startedMs,
        ...discoveryStatus(
          advertising?.discovery ?? {},
          { mdns: config.mdns.enabled, dht: config.dht.enabled },
          library.images().map(({ image }) => image),
        ),
        missing: library.missing.map(({ image }) => image),
        warnings: library.warnings,
      }),
      limits: transferLimits(config),
    }),
    hostname: httpListenAddress(config, systemAddresses()),
    port: config.port,
    drainTimeoutMs: config.http.drainTimeoutSeconds * 1000,
    clock,
    logger,
    signal: new AbortController().signal,
  }));
  logger.info(`Serving on ${httpBaseUrl(http.hostname, http.port)}`);
  const tree = await library.tree();
  const watcher = stack.use(
    new ArtifactWatcher({
      fileSystem,
      clock,
      logger,
      onChange: () => bell.ring(),
      onWriter: (path, writer) => tree.noteWriter(path, writer),
    }),
  );
  const looking = { library, watcher, settings: () => live, clock, logger };
  await offerFirst(looking, { signal });
  if (library.images().length === 0 && library.keyProblem !== undefined) {
    throw library.keyProblem;
  }

  const { advertisers } = advertising = stack.use(
    await openAdvertising(config, machine, { http, signal }),
  );
  const reconciler = new Reconciler({ advertisers, logger });
  await keepOffering({ ...looking, reconciler, bell, onReady }, { signal });
}

/** Says what changes, and what cannot. */
function takeChanges(
  before: ServeConfig,
  after: ServeConfig,
  logger: Logger,
): ServeConfig {
  const { config, applied, needRestart } = reloadConfig(before, after);
  logger.info(
    `Reloaded the configuration: ${
      applied.length > 0 ? applied.join(", ") : "nothing to change at once"
    }`,
  );
  if (needRestart.length > 0) {
    logger.warn(
      `Restart plasmd to change ${needRestart.join(", ")}: the old value holds`,
    );
  }
  return config;
}

function transferLimits({ http }: ServeConfig): Partial<TransferLimits> {
  const { maxConnections, maxRatePerConnectionBytesPerSecond } = http;
  return {
    ...maxConnections !== undefined && { maxConnections },
    ...maxRatePerConnectionBytesPerSecond !== undefined &&
      { maxRateBytesPerSecond: maxRatePerConnectionBytesPerSecond },
  };
}

/** The key that was named, else one in the state directory. */
async function openSigner(
  { signing, stateDir }: ServeConfig,
  { fileSystem, logger }: Machine,
  { signal }: { readonly signal: AbortSignal },
): Promise<SigningKey> {
  if (signing.key !== undefined) {
    return await loadSigningKey(fileSystem, signing.key, { signal });
  }
  const path = signingKeyPath(stateDir);
  const { key, created } = await loadOrCreateSigningKey(fileSystem, path, {
    signal,
  });
  if (created) {
    logger.info(
      `Created the signing key "${path}": clients trust ${key.publicKey.keyId}`,
    );
  }
  return key;
}
