import { join } from "node:path";
import { ConfigError } from "../core/errors.ts";
import {
  FileAccessError,
  FileNotFoundError,
  type FileSystem,
} from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { parseConfigFile } from "./config_file.ts";
import type { ConfigLayer } from "./provider_config.ts";

/** What was found. */
export interface FoundConfig {
  /** The file that is used, as messages name it; undefined when there is none. */
  readonly path: string | undefined;
  /** What it says. */
  readonly layer: ConfigLayer;
}

/**
 * Finds and reads the configuration file: the one that `--config` names, else
 * `$PLASM_CONFIG`, `./plasmd.toml`, `~/.config/plasm/provider.toml` or
 * `/etc/plasm/provider.toml`. The first that exists is the only one used; a
 * directory that may not be entered has none.
 *
 * @param flag value of `--config`
 * @param environment looks up a variable
 * @throws ConfigError when a file that was named does not exist, or the one
 * that was found cannot be read or used
 */
export async function findConfig(
  { flag, environment, fileSystem, signal }: {
    readonly flag: string | undefined;
    readonly environment: (name: string) => string | undefined;
    readonly fileSystem: Pick<FileSystem, "readText" | "stat">;
    readonly signal: AbortSignal;
  },
): Promise<FoundConfig> {
  const named = namedFile(flag, environment);
  const paths = named === undefined ? usualFiles(environment) : [named.path];
  for (const path of paths) {
    signal.throwIfAborted();
    const text = await readIfThere(path, fileSystem, named !== undefined);
    if (text !== undefined) return { path, layer: parseConfigFile(text, path) };
  }
  if (named !== undefined) {
    throw new ConfigError(
      { path: named.path },
      `no such file, it is named by ${named.by}`,
    );
  }
  return { path: undefined, layer: {} };
}

function namedFile(
  flag: string | undefined,
  environment: (name: string) => string | undefined,
): { readonly path: string; readonly by: string } | undefined {
  if (flag !== undefined) return { path: flag, by: "--config" };
  const path = environment("PLASM_CONFIG");
  // As with most variables, empty is as good as unset.
  return path ? { path, by: "$PLASM_CONFIG" } : undefined;
}

function usualFiles(
  environment: (name: string) => string | undefined,
): string[] {
  const home = environment("HOME");
  return [
    "plasmd.toml",
    ...(home ? [join(home, ".config/plasm/provider.toml")] : []),
    "/etc/plasm/provider.toml",
  ];
}

async function readIfThere(
  path: string,
  fileSystem: Pick<FileSystem, "readText" | "stat">,
  isNamed: boolean,
): Promise<string | undefined> {
  try {
    return await fileSystem.readText(path, { mayBePipe: true });
  } catch (cause) {
    if (cause instanceof FileNotFoundError) return undefined;
    if (!isNamed && !await isSeen(path, fileSystem)) return undefined;
    const problem = cause instanceof FileAccessError
      ? accessProblem(cause)
      : messageOf(cause);
    throw new ConfigError({ path }, problem, { cause });
  }
}

/** Whether its directory may be entered: another user's is skipped. */
async function isSeen(
  path: string,
  fileSystem: Pick<FileSystem, "stat">,
): Promise<boolean> {
  try {
    await fileSystem.stat(path);
    return true;
  } catch (error) {
    return !(error instanceof FileAccessError);
  }
}

function accessProblem({ problem }: FileAccessError): string {
  return problem === "permission denied"
    ? `${problem}, make it readable for the user that plasmd runs as`
    : problem;
}
