import { join } from "node:path";
import { whenAborted } from "../core/abort.ts";
import { formatChannelArch } from "../core/channel_arch.ts";
import { ExitCode } from "../core/exit_code.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import { loaderWarnings } from "../http/artifacts/loader_files.ts";
import { withBindAddress } from "../provider/bind_address.ts";
import type {
  ConfigSource,
  Machine,
  ServeConfig,
} from "../provider/machine.ts";
import { watchNodeClock } from "../provider/node_clock.ts";
import { openNodeHttp } from "../provider/open_node_http.ts";
import { serve } from "../provider/serve.ts";
import { openStateDirectory } from "../provider/state_directory.ts";
import { scanAvailable } from "../scan/scan_available.ts";
import {
  type CommandValues,
  openMachine,
  readConfig,
} from "./command_context.ts";
import { disk } from "./disk.ts";
import type { HangUps } from "./hang_ups.ts";
import { logRuntimeWarnings, withJson, writeResult } from "./output.ts";
import type { ProgramContext } from "./run_program.ts";
import { scanDocument, scanText } from "./scan_report.ts";
import {
  openServiceManager,
  readServiceEnvironment,
  type ServiceManager,
} from "./service_manager.ts";
import {
  verifyContent,
  verifyDocument,
  verifyProblem,
  verifyText,
} from "./verify_content.ts";

/** Leaving the network takes a few seconds where it does not answer. */
export const LEAVE_TIMEOUT_MS = 10_000;

/** What a long-running command is given. */
export interface LongRunContext
  extends Pick<ProgramContext, "signal" | "allowToEnd"> {
  /** Each asks for the configuration to be read again. */
  readonly hangUps: HangUps;
}

/** `plasmd serve`: offers images until it is stopped. */
export async function runServe(
  values: CommandValues<"serve">,
  { hangUps, signal, allowToEnd }: LongRunContext,
): Promise<void> {
  const machine = openMachine(values);
  const config = await readConfig(values, machine.logger, { signal });
  if (values.dryRun) return await dryRun(config, machine.logger, { signal });
  allowToEnd(config.http.drainTimeoutSeconds * 1000 + LEAVE_TIMEOUT_MS);
  await logRuntimeWarnings(machine.logger);
  if (machine.clock.now() < RELEASED_AT_MS) {
    machine.logger.warn(
      "This machine's clock was never set: set it, or boxes refuse what is signed here",
    );
  }
  await using manager = openManager(machine, { signal });
  try {
    const changes = configFromSignals(values, machine.logger, {
      hangUps,
      signal,
    });
    await serve(config, machine, {
      changes,
      onReady: () => manager.ready(),
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Notifies systemd, if it started us, until shutdown. */
export function openManager(
  machine: Machine,
  { signal }: { readonly signal: AbortSignal },
): ServiceManager {
  const manager = openServiceManager(
    readServiceEnvironment((name) => Deno.env.get(name), Deno.pid),
    machine,
  );
  signal.addEventListener("abort", () => manager.stopping(), { once: true });
  return manager;
}

/**
 * Reads the configuration again with each SIGHUP. One that cannot be used is
 * refused with its error, and the one before stays in force.
 */
function configFromSignals(
  values: CommandValues<"serve">,
  logger: Logger,
  { hangUps, signal }: {
    readonly hangUps: HangUps;
    readonly signal: AbortSignal;
  },
): ConfigSource {
  return {
    subscribe(listener) {
      const reload = async () => {
        try {
          await listener(await readConfig(values, logger, { signal }));
        } catch (error) {
          if (signal.aborted) return;
          logger.error(
            `${messageOf(error)}; the old configuration stays in effect`,
          );
        }
      };
      // One after the other, or an older file could be taken last.
      let reloading = Promise.resolve();
      return hangUps.subscribe(() => reloading = reloading.then(reload));
    },
  };
}

/** `plasmd bootstrap`: a DHT node for others to meet at. */
export async function runBootstrap(
  values: CommandValues<"bootstrap">,
  { hangUps, signal, allowToEnd }: LongRunContext,
): Promise<void> {
  allowToEnd(LEAVE_TIMEOUT_MS);
  const machine = openMachine(values);
  using _hangUps = hangUps.subscribe(() =>
    machine.logger.warn("SIGHUP changes nothing here: restart plasmd bootstrap")
  );
  await logRuntimeWarnings(machine.logger);
  const shared = await readConfig(values, machine.logger, { signal });
  // A node of its own, with an identity of its own, beside a provider here.
  const stateDir = values.stateDir ?? join(shared.stateDir, "bootstrap");
  using state = await openStateDirectory(stateDir, machine);
  const config = await withBindAddress({ ...shared, stateDir }, { signal });
  await using manager = openManager(machine, { signal });
  const { openDht } = await import("../provider/open_dht.ts");
  const { stateLogger } = state;
  await using node = await openDht(config, machine, { stateLogger, signal });
  await using nodeClock = watchNodeClock(node, config.dht, machine);
  await using _http = await openNodeHttp(config, machine, node, {
    clockWarnings: nodeClock.warnings,
    port: values.port,
    signal,
  });
  manager.ready();
  await whenAborted(signal);
}

/**
 * `plasmd scan`: shows what is there and what is missing; with `--verify` ends
 * with 1 where content is not what was promised.
 */
export async function runScan(
  values: CommandValues<"scan">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const machine = openMachine(values);
  const { logger } = machine;
  const config = await readConfig(values, logger, { signal });
  const result = await scanAvailable(config, disk, { signal });
  for (const warning of result.warnings) logger.warn(warning);
  const { available } = result;
  const verified = values.verify
    ? await verifyContent(available, config.stateDir, machine, { signal })
    : [];
  const document = {
    ...scanDocument(result),
    ...values.verify && verifyDocument(verified),
  };
  const lines = () => [...scanText(result), ...verifyText(verified)];
  await writeResult(withJson(values, document, lines), { signal });
  const problem = verifyProblem(verified);
  if (problem === undefined) return ExitCode.done;
  logger.error(problem);
  return ExitCode.unexpected;
}

/** Says what `serve` would do, without a socket and without writing a file. */
async function dryRun(
  config: ServeConfig,
  logger: Logger,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { available, missing, warnings } = await scanAvailable(config, disk, {
    signal,
  });
  const { stateDir, pxe, mdns, dht } = config;
  const others = await loaderWarnings({ ...pxe, stateDir }, disk);
  for (const warning of [...warnings, ...others]) logger.warn(warning);
  logger.info(`Found ${available.length} channel/arch combinations`);
  const isFound = mdns.enabled || dht.enabled;
  for (const { image } of available) {
    const what = isFound ? "advertise" : "serve";
    logger.info(`Would ${what} ${formatChannelArch(image)}`);
  }
  for (const { image } of missing) {
    logger.warn(`Missing artifacts for ${formatChannelArch(image)}`);
  }
  if (!isFound) logger.warn("Nobody could discover it: mDNS and DHT are off");
}
