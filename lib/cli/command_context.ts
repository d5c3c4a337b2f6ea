import { bootstrapFromEnvironment } from "../config/bootstrap_environment.ts";
import type { InvocationValues } from "../config/command_line.ts";
import type { LOG_OPTIONS } from "../config/common_options.ts";
import { dhtOfNetwork } from "../config/dht_nodes.ts";
import { findConfig } from "../config/config_search.ts";
import type { OptionValues } from "../config/option_table.ts";
import type { PLASMD_PROGRAM } from "../config/plasmd_options.ts";
import {
  type ConfigFlags,
  flagsLayer,
  mergeConfig,
} from "../config/provider_config.ts";
import { systemClock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { Machine, ServeConfig } from "../provider/machine.ts";
import { defaultStateDirectory } from "../provider/state_directory.ts";
import { usualLoaders } from "../pxe/usual_loaders.ts";
import { disk } from "./disk.ts";
import { openLogger, openStatusLine } from "./output.ts";
import { passphraseFrom } from "./passphrase.ts";

/** The name of a command. */
export type Command = keyof typeof PLASMD_PROGRAM.commands;

/** The command line of one command, parsed. */
export type CommandValues<C extends Command> = InvocationValues<
  typeof PLASMD_PROGRAM,
  typeof PLASMD_PROGRAM.commands[C]
>;

/** The real machine, with a logger as the options want it. */
export function openMachine(values: OptionValues<typeof LOG_OPTIONS>): Machine {
  const { logLevel: level, logFormat: format } = values;
  return {
    fileSystem: disk,
    clock: systemClock,
    hostName: Deno.hostname(),
    passphraseFrom,
    statusLine: format === "text" ? openStatusLine() : undefined,
    logger: openLogger({ level, format }),
  };
}

/** Flags over environment over file over defaults. */
export async function readConfig(
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
  const flags = flagsLayer(values);
  const fromEnvironment = bootstrapFromEnvironment(environment);
  // A list that says nothing leaves it to the file.
  const bootstrapNodes = flags.dht?.bootstrapNodes ??
    (fromEnvironment.length > 0 ? fromEnvironment : undefined);
  const config = mergeConfig(file.layer, {
    ...flags,
    dht: { ...flags.dht, bootstrapNodes },
  });
  const { pxe } = config;
  const loaders = pxe.loaders ??
    (pxe.enabled ? await usualLoaders(disk) : undefined);
  return {
    ...config,
    dht: dhtOfNetwork(config.dht),
    pxe: { ...pxe, loaders },
    stateDir: config.stateDir ?? defaultStateDirectory(environment),
  };
}
