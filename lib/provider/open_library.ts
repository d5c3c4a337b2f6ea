import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { once } from "../core/once.ts";
import {
  loadOrCreateSigningKey,
  loadSigningKey,
  type SigningKey,
} from "../manifest/signing_key.ts";
import { reloadConfig } from "./config_reload.ts";
import { ImageLibrary } from "./image_library.ts";
import type { ConfigSource, Machine, ServeConfig } from "./machine.ts";
import {
  openStateDirectory,
  signingKeyPath,
  trustDirectory,
} from "./state_directory.ts";

/** A library with the state directory to itself, until it is disposed of. */
export interface OpenLibrary extends AsyncDisposable {
  /** Empty until it is refreshed. */
  readonly library: ImageLibrary;
  /** Told of what cannot be kept in the state directory. */
  readonly stateLogger: Logger;
  /** The settings that hold at the moment. */
  readonly settings: () => ServeConfig;
}

/**
 * Opens the state directory and a library that follows the settings.
 *
 * @param changes of the settings, while it is open
 * @param onChange called when the library has taken new settings
 * @throws UserError when another provider uses the state directory, or the key
 * that the settings name cannot be used
 */
export async function openLibrary(
  config: ServeConfig,
  machine: Machine,
  { changes, onChange, signal }: {
    readonly changes: ConfigSource;
    readonly onChange: () => void;
    readonly signal: AbortSignal;
  },
): Promise<OpenLibrary> {
  await using stack = new AsyncDisposableStack();
  const state = stack.use(
    await openStateDirectory(config.stateDir, machine),
  );
  // For the operator's convenience: it can be done without.
  await machine.fileSystem.makeDirectory(trustDirectory(config.stateDir), 0o700)
    .catch(() => {});
  const signer = new ReloadableSigner(config, machine, { signal });
  const loadSigner = () => signer.load();
  // A key that was named must be there, whether it is needed now or not.
  if (config.signing.key !== undefined) await loadSigner();
  const library = new ImageLibrary({
    scan: config,
    stateDir: config.stateDir,
    stateLogger: state.stateLogger,
    loadSigner,
    expiresDays: config.signing.expiresDays,
    loaders: config.pxe.loaders,
    ...machine,
  });
  let settings = config;
  stack.use(changes.subscribe(async (next) => {
    settings = takeChanges(settings, next, machine.logger);
    await signer.reload();
    library.configure(settings, {
      expiresDays: settings.signing.expiresDays,
      loaders: settings.pxe.loaders,
    });
    onChange();
  }));
  const opened = stack.move();
  return {
    library,
    stateLogger: state.stateLogger,
    settings: () => settings,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Logs what changes at once, and what only a restart can change. */
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

/** The key that signs, which may be replaced where it lies. */
class ReloadableSigner {
  readonly #config: ServeConfig;
  readonly #machine: Machine;
  readonly #signal: AbortSignal;
  #loaded: SigningKey | undefined;
  #load = once(() => this.#open());

  constructor(
    config: ServeConfig,
    machine: Machine,
    { signal }: { readonly signal: AbortSignal },
  ) {
    this.#config = config;
    this.#machine = machine;
    this.#signal = signal;
  }

  /** @throws UserError when there is none that can be used */
  load(): Promise<SigningKey> {
    return this.#load();
  }

  async #open(): Promise<SigningKey> {
    this.#loaded = await openSigner(this.#config, this.#machine, {
      signal: this.#signal,
    });
    return this.#loaded;
  }

  /** Takes another key that lies in the same place now. */
  async reload(): Promise<void> {
    const before = this.#loaded;
    if (before === undefined) return; // read when it is needed
    const { fileSystem, logger } = this.#machine;
    const path = signingKeyOf(this.#config);
    try {
      // What came through a pipe does not come again.
      if ((await fileSystem.stat(path)).kind !== "file") return;
      const key = await loadSigningKey(fileSystem, path, {
        signal: this.#signal,
      });
      if (key.publicKey.keyId === before.publicKey.keyId) return;
      this.#loaded = key;
      this.#load = () => Promise.resolve(key);
      logger.warn(
        `Replaced the signing key "${path}": manifests are signed by ${key.publicKey.keyId} from now on, and clients that trust ${before.publicKey.keyId} alone refuse them`,
      );
    } catch (error) {
      this.#signal.throwIfAborted();
      logger.error(
        `${
          messageOf(error)
        }; ${before.publicKey.keyId} goes on signing until a restart`,
      );
    }
  }
}

function signingKeyOf({ signing, stateDir }: ServeConfig): string {
  return signing.key ?? signingKeyPath(stateDir);
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
