import { inBackground } from "../core/background.ts";
import { Bell } from "../core/bell.ts";
import { createMachines, type Machines } from "../machines/machines.ts";
import { ArtifactWatcher } from "../scan/artifact_watcher.ts";
import type { ImageTree } from "../scan/image_tree.ts";
import { withBindAddress } from "./bind_address.ts";
import { keepOffering, offerFirst } from "./keep_offering.ts";
import type {
  ConfigSource,
  Machine,
  Mirroring,
  MirrorProvider,
  ServeConfig,
} from "./machine.ts";
import {
  type Advertising,
  openAdvertising,
  openLan,
} from "./open_advertising.ts";
import { openHttp } from "./open_http.ts";
import { openLibrary } from "./open_library.ts";
import { openPxe } from "./open_pxe.ts";
import { openScrub } from "./open_scrub.ts";
import { Reconciler } from "./reconciler.ts";
import { trustDirectory } from "./state_directory.ts";
import { watchTrustDocuments } from "./trust_documents.ts";

/**
 * Offers the images of a directory until the signal aborts: `plasmd serve`, and
 * with `mirroring`, which fetches them from others meanwhile, `plasmd mirror`.
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
  { changes, onReady, mirroring, signal }: {
    readonly changes: ConfigSource;
    readonly onReady: () => void;
    readonly mirroring?: Mirroring;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { clock, logger } = machine;
  const bell = new Bell();
  const ring = () => bell.ring();
  const bound = await withBindAddress(config, { signal });
  await using stack = new AsyncDisposableStack();
  const { library, settings, stateLogger } = stack.use(
    await openLibrary(config, machine, {
      ...{ changes, onChange: ring, signs: mirroring === undefined, signal },
    }),
  );
  let tree: ImageTree | undefined = undefined;
  const watcher = stack.use(openWatcher(() => tree, machine, ring));
  // While the rest is opened: it takes a second for thousands of directories.
  await watcher.begin(settings());
  const machines = openMachines(settings, machine);
  const scrub = stack.use(openScrub(library, machine, { bell }));
  let advertising: Advertising | undefined;
  const http = stack.use(openHttp(bound, machine, {
    ...{ library, settings, machines, mirroring },
    discovery: () => advertising?.discovery ?? {},
    scrub: () => scrub.progress,
  }));
  stack.use(
    watchTrustDocuments(trustDirectory(config.stateDir), machine, ring),
  );
  const lan = stack.use(
    await openLan(bound, machine, { http, node: () => advertising?.node }),
  );
  tree = await library.tree();
  const look = { library, watcher, settings, clock };
  await offerFirst(look, { signal });
  if (library.images().length === 0 && library.keyProblem !== undefined) {
    throw library.keyProblem;
  }
  const { advertisers, node } = advertising = stack.use(
    await openAdvertising(bound, machine, { http, lan, stateLogger, signal }),
  );
  const parts = { http, catalog: library, settings, machines };
  stack.use(await openPxe(bound, machine, parts, { signal }));
  const provider = { library, httpPort: http.port, node };
  stack.use(mirroring && keepMirroring(mirroring, provider, machine));
  const reconciler = new Reconciler({ advertisers, logger });
  const onOffered = () => {
    lan.mdns?.release();
    onReady();
  };
  const loop = { ...look, reconciler, bell, onReady: onOffered };
  await keepOffering(loop, { signal });
}

function openMachines(
  settings: () => ServeConfig,
  { clock, logger }: Machine,
): Machines {
  return createMachines({
    rows: () => settings().machines,
    unknown: () => settings().pxe.unknown,
  }, { now: () => clock.now(), say: (line) => logger.info(line) });
}

/**
 * Passes on to the images on disk what changes there.
 *
 * @param tree what changes before there is one is seen by its first look
 */
function openWatcher(
  tree: () => ImageTree | undefined,
  { fileSystem, clock, logger }: Machine,
  onChange: () => void,
): ArtifactWatcher {
  return new ArtifactWatcher({
    fileSystem,
    clock,
    logger,
    onChange(paths) {
      tree()?.noteChange(paths);
      onChange();
    },
    onWriter: (path, writer) => tree()?.noteWriter(path, writer),
  });
}

function keepMirroring(
  mirroring: Mirroring,
  provider: MirrorProvider,
  machine: Machine,
): AsyncDisposable {
  return inBackground((options) => mirroring.run(provider, options), machine);
}
