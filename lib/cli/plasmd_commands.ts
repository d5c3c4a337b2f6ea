import { findConfig } from "../config/config_search.ts";
import type { LOG_OPTIONS } from "../config/common_options.ts";
import type { OptionValues } from "../config/option_table.ts";
import { type ConfigFlags, flagsLayer } from "../config/flags_layer.ts";
import type { PLASMD_PROGRAM } from "../config/plasmd_options.ts";
import { DEFAULT_CONFIG, mergeConfig } from "../config/provider_config.ts";
import { whenAborted } from "../core/abort.ts";
import { formatChannelArch } from "../core/channel_arch.ts";
import { systemClock } from "../core/clock.ts";
import { ExitCode } from "../core/exit_code.ts";
import { createLogger, type Logger } from "../core/log.ts";
import { type Machine, openDht, serve, type ServeConfig } from "../provider.ts";
import { defaultStateDirectory } from "../provider/state_directory.ts";
import { disk } from "../scan/disk.ts";
import { scanAvailable, type ScanResult } from "../scan/scan_available.ts";
import { writeLine } from "./run_program.ts";

/** The name of a command. */
export type Command = keyof typeof PLASMD_PROGRAM.commands;

/** The command line of one command, parsed. */
export type CommandValues<C extends Command> =
  & OptionValues<typeof LOG_OPTIONS>
  & OptionValues<typeof PLASMD_PROGRAM.commands[C]["options"]>;

/** `plasmd serve`: offers images until it is told to stop. */
export async function runServe(
  values: CommandValues<"serve">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const machine = openMachine(values);
  const config = await readConfig(values, machine.logger, { signal });
  if (values.dryRun) return await dryRun(config, machine.logger, { signal });
  try {
    await serve(config, machine, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return ExitCode.done;
}

/** `plasmd bootstrap`: a DHT node for others to meet at. */
export async function runBootstrap(
  values: CommandValues<"bootstrap">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const machine = openMachine(values);
  const config = await readConfig(values, machine.logger, { signal });
  await machine.fileSystem.makeDirectory(config.stateDir, 0o700);
  await using _node = await openDht(config, machine, { signal });
  await whenAborted(signal);
  return ExitCode.done;
}

/** `plasmd scan`: shows what is there and what is missing. */
export async function runScan(
  values: CommandValues<"scan">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { logger } = openMachine(values);
  const config = await readConfig(values, logger, { signal });
  const result = await scanAvailable(config, disk, { signal });
  for (const warning of result.warnings) logger.warn(warning);
  for (const line of values.json ? scanJson(result) : scanText(result)) {
    writeLine(line, "stdout");
  }
  return ExitCode.done;
}

/** Says what `serve` would do, without a socket and without writing a file. */
async function dryRun(
  config: ServeConfig,
  logger: Logger,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { available, missing, warnings } = await scanAvailable(config, disk, {
    signal,
  });
  for (const warning of warnings) logger.warn(warning);
  logger.info(`Found ${available.length} channel/arch combinations`);
  for (const { image } of available) {
    logger.info(`Would advertise ${formatChannelArch(image)}`);
  }
  for (const { image } of missing) {
    logger.warn(`Missing artifacts for ${formatChannelArch(image)}`);
  }
  return ExitCode.done;
}

function scanText({ available, missing }: ScanResult): string[] {
  return [
    ...available.map((files) =>
      `available  ${formatChannelArch(files.image)}  ${files.kernel.path}`
    ),
    ...missing.map(({ image, directory }) =>
      `missing    ${formatChannelArch(image)}  ${directory}`
    ),
  ];
}

function scanJson({ available, missing, warnings }: ScanResult): string[] {
  return [JSON.stringify({
    available: available.map(({ image, directory, kernel, ...files }) => ({
      channel: image.channel,
      arch: image.arch,
      directory,
      kernel: kernel.filename,
      initramfs: files.initramfs?.filename ?? null,
      rootfs: files.rootfs?.filename ?? null,
      dtbs: files.dtbs.map(({ filename }) => filename),
    })),
    missing: missing.map(({ image, directory }) => ({
      channel: image.channel,
      arch: image.arch,
      directory,
    })),
    warnings,
  })];
}

function openMachine(values: OptionValues<typeof LOG_OPTIONS>): Machine {
  return {
    fileSystem: disk,
    clock: systemClock,
    hostName: Deno.hostname(),
    logger: createLogger({
      level: values.logLevel,
      format: values.logFormat,
      clock: systemClock,
      writeLine: (line) => writeLine(line, "stderr"),
    }),
  };
}

/** Flags over file over defaults. */
async function readConfig(
  values: ConfigFlags & { readonly config: string | undefined },
  logger: Logger,
  { signal }: { readonly signal: AbortSignal },
): Promise<ServeConfig> {
  const environment = (name: string) => Deno.env.get(name);
  const file = await findConfig({
    flag: values.config,
    environment,
    fileSystem: disk,
    signal,
  });
  if (file.path !== undefined) logger.debug(`Using config "${file.path}"`);
  const config = mergeConfig(DEFAULT_CONFIG, file.layer, flagsLayer(values));
  return {
    ...config,
    stateDir: config.stateDir ?? defaultStateDirectory(environment),
  };
}
