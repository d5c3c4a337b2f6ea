import { UserError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { once } from "../core/once.ts";
import {
  type LoadOptions,
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

/** Why a mirror does not offer what its operator has put there by hand. */
const SIGNS_NOTHING =
  "its owner's manifest.json is missing, and a mirror signs nothing; offer it with plasmd serve";

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
 * @param signs whether images without a manifest of their owner are signed,
 * for which a key is made where none is. @default true
 * @throws UserError when another provider uses the state directory, or the key
 * that the settings name cannot be used
 */
export async function openLibrary(
  config: ServeConfig,
  machine: Machine,
  { changes, onChange, signs = true, signal }: {
    readonly changes: ConfigSource;
    readonly onChange: () => void;
    readonly signs?: boolean;
    readonly signal: AbortSignal;
  },
): Promise<OpenLibrary> {
  await using stack = new AsyncDisposableStack();
  const state = stack.use(
    await openStateDirectory(config.stateDir, machine),
  );
  // Made for the operator's convenience; nothing depends on it.
  await machine.fileSystem.makeDirectory(trustDirectory(config.stateDir), 0o700)
    .catch(() => {});
  const signers = new ReloadableSigners(config, machine, { signal });
  const loadSigners = () =>
    signs ? signers.load() : Promise.reject(new Error(SIGNS_NOTHING));
  // A key that was named must be there, whether it is needed now or not.
  if (config.signing.keys.length > 0) await loadSigners();
  const library = new ImageLibrary({
    scan: config,
    stateDir: config.stateDir,
    stateLogger: state.stateLogger,
    loadSigners,
    expiresDays: config.signing.expiresDays,
    loaders: config.pxe.loaders,
    ...machine,
  });
  let settings = config;
  stack.use(changes.subscribe(async (next) => {
    settings = takeChanges(settings, next, machine.logger);
    await signers.reload();
    library.configure(settings, {
      expiresDays: settings.signing.expiresDays,
      loaders: settings.pxe.loaders,
    });
    onChange();
  }));
  const { stateLogger } = state;
  return Object.assign(stack.move(), {
    library,
    stateLogger,
    settings: () => settings,
  });
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
      applied.length > 0
        ? applied.join(", ")
        : "nothing that applies without a restart"
    }`,
  );
  if (needRestart.length > 0) {
    logger.warn(
      `Restart plasmd to change ${
        needRestart.join(", ")
      }: the old value still applies`,
    );
  }
  return config;
}

/** The signing keys, each of which may be replaced in its file. */
class ReloadableSigners {
  readonly #config: ServeConfig;
  readonly #machine: Machine;
  readonly #signal: AbortSignal;
  #loaded: readonly SigningKey[] = [];
  /** Passphrases asked for at the start, by the path of the key. */
  readonly #passphrases = new Map<string, string>();
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

  /** @throws UserError when there is one that cannot be used */
  load(): Promise<readonly SigningKey[]> {
    return this.#load();
  }

  async #open(): Promise<readonly SigningKey[]> {
    const signal = this.#signal;
    const { passphraseFile } = this.#config.signing;
    const ask = this.#machine.passphraseFrom(passphraseFile, { signal });
    this.#loaded = await openSigners(this.#config, this.#machine, {
      passphrase: async (path) => {
        const passphrase = await ask(path);
        this.#passphrases.set(path, passphrase);
        return passphrase;
      },
      signal,
    });
    return this.#loaded;
  }

  /** Takes other keys that lie in the same places now. */
  async reload(): Promise<void> {
    if (this.#loaded.length === 0) return; // read when they are needed
    const { signing, stateDir } = this.#config;
    const paths = signing.keys.length > 0
      ? signing.keys
      : [signingKeyPath(stateDir)];
    const keys: SigningKey[] = [];
    for (const [i, before] of this.#loaded.entries()) {
      keys.push(await this.#reloaded(paths[i] ?? "", before));
    }
    this.#loaded = keys;
    this.#load = () => Promise.resolve(keys);
  }

  async #reloaded(path: string, before: SigningKey): Promise<SigningKey> {
    const { fileSystem, logger } = this.#machine;
    const signal = this.#signal;
    try {
      // What came through a pipe does not come again.
      if ((await fileSystem.stat(path)).kind !== "file") return before;
      const key = await loadSigningKey(fileSystem, path, {
        passphrase: (path) => this.#passphraseAgain(path),
        signal,
      });
      if (key.publicKey.keyId === before.publicKey.keyId) return before;
      logger.warn(
        `Replaced the signing key "${path}": manifests are signed by ${key.publicKey.keyId} from now on, and clients that trust ${before.publicKey.keyId} alone refuse them`,
      );
      return key;
    } catch (error) {
      signal.throwIfAborted();
      logger.error(
        `${
          messageOf(error)
        }; ${before.publicKey.keyId} goes on signing until a restart`,
      );
      return before;
    }
  }

  /**
   * The passphrase that the file has now; without a file, that of the start,
   * since no one is at the terminal any more.
   */
  async #passphraseAgain(path: string): Promise<string> {
    const { fileSystem, passphraseFrom } = this.#machine;
    const { passphraseFile } = this.#config.signing;
    if (passphraseFile !== undefined) {
      const there = await fileSystem.stat(passphraseFile).catch(() => {});
      if (there?.kind === "file") {
        return await passphraseFrom(passphraseFile, {
          signal: this.#signal,
        })(path);
      }
    }
    const before = this.#passphrases.get(path);
    if (before !== undefined) return before;
    throw new UserError(
      `Cannot use signing key "${path}": it has a passphrase, which is asked for at the start only`,
    );
  }
}

/** The keys that were named, else one in the state directory. */
async function openSigners(
  { signing, stateDir }: ServeConfig,
  { fileSystem, logger }: Machine,
  options: LoadOptions,
): Promise<readonly SigningKey[]> {
  const signers: SigningKey[] = [];
  // One after the other, since each may ask for a passphrase.
  for (const path of signing.keys) {
    signers.push(await loadSigningKey(fileSystem, path, options));
  }
  if (signers.length > 0) return signers;
  const path = signingKeyPath(stateDir);
  const { key, created } = await loadOrCreateSigningKey(
    fileSystem,
    path,
    options,
  );
  if (created) {
    logger.info(
      `Created the signing key "${path}": clients trust ${key.publicKey.keyId}`,
    );
  }
  return [key];
}
