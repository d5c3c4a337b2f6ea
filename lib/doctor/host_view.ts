import { dirname, join } from "node:path";
import type { ProviderConfig } from "../config/provider_config.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { errorCode } from "../core/error_code.ts";
import { UserError } from "../core/errors.ts";
import {
  FileAccessError,
  type FileInfo,
  FileNotFoundError,
  type FileSystem,
} from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import {
  type AskPassphrase,
  ForbiddenSecretError,
  loadSigningKey,
  type SigningKey,
} from "../manifest/signing_key.ts";
import { scanAvailable } from "../scan/scan_available.ts";
import type { Limits } from "./limits.ts";

/** The settings that a provider was or would be started with. */
export type HostSettings = ProviderConfig & { readonly stateDir: string };

/** The images on disk, as a provider would find them. */
export interface DiskImages {
  /** The images that can be offered. */
  readonly whole: readonly ChannelArch[];
  /** Expected or with a directory, but not to be offered: `stable/arm64`. */
  readonly missing: readonly string[];
  /** What is passed over or cannot be read: one clause each. */
  readonly warnings: readonly string[];
}

/** Why the image directory cannot be read. */
export interface UnreadArtifacts {
  /** Its path. */
  readonly path: string;
  /** `forbidden`: to the user who runs this. */
  readonly kind: "absent" | "forbidden" | "unusable";
  /** A clause. */
  readonly message: string;
}

/** A private key for signing manifests. */
export interface KeyView {
  /** The file. */
  readonly path: string;
  /** `ed25519:...`, if it could be loaded. */
  readonly keyId?: string;
  /** Why it cannot be used: a sentence. */
  readonly problem?: string;
}

/** The state directory: keys and counters. */
export interface StateView {
  readonly path: string;
  /**
   * Why nothing can be written there. `forbidden`: to the user who runs this.
   */
  readonly problem?: {
    readonly kind: "full" | "forbidden" | "unusable";
    readonly message: string;
  };
  /** Whether a provider has locked it; undefined: unknown. */
  readonly isLocked: boolean | undefined;
  /** Whether users other than its owner can replace files in it. */
  readonly isOpenToOthers: boolean;
  /** Free bytes on its file system; undefined: unknown. */
  readonly freeBytes: number | undefined;
}

/** A port that a provider would need and cannot have. */
export interface PortView {
  /** Such as `TCP port 8080`. */
  readonly name: string;
  /**
   * `taken` by another program; `forbidden` to this one; `absent`: this machine
   * does not have the address to bind to.
   */
  readonly problem: "taken" | "forbidden" | "absent";
}

/** The boot loaders for bare machines. */
export interface LoadersView {
  /** Their directory. */
  readonly path: string;
  /** Why it cannot be read. */
  readonly problem?: string;
  /** Images that no loader leads machines to: clauses. */
  readonly missing: readonly string[];
}

/** What a provider's settings come to on its own machine. */
export interface HostView {
  /** Only where no provider runs; a running one reports this itself. */
  readonly images?: Result<DiskImages, UnreadArtifacts>;
  /** The configured keys, or the one in the state directory. */
  readonly keys: readonly KeyView[];
  /** Undefined: it does not exist yet but can be created. */
  readonly state: StateView | undefined;
  /**
   * The ports that would keep a provider from starting, or that a running one
   * lacks.
   */
  readonly ports: readonly PortView[];
  /** Configured but not there; only where no provider runs. */
  readonly interfacesMissing: readonly string[];
  /** Undefined: bare machines are not booted from here. */
  readonly loaders: LoadersView | undefined;
  /** Undefined: not permitted to look. */
  readonly limits: Limits | undefined;
  /** What could not be checked, one clause each, and how it could be. */
  readonly notLookedAt: readonly string[];
}

/** What is needed to examine a disk. */
export interface HostDisk {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The bytes free to us at a path; undefined: unknown. */
  readonly freeBytes: (path: string) => Promise<number | undefined>;
}

/**
 * The images on disk, as a provider would find them. What it may not read is
 * missing, with a warning.
 *
 * @returns a reason if the image directory cannot be read
 * @throws SystemLimitError
 */
export async function imagesOnDisk(
  settings: HostSettings,
  { fileSystem }: Pick<HostDisk, "fileSystem">,
  options: { readonly signal: AbortSignal },
): Promise<Result<DiskImages, UnreadArtifacts>> {
  try {
    const { available, missing, warnings } = await scanAvailable(
      settings,
      fileSystem,
      options,
    );
    return ok({
      whole: available.map(({ image }) => image),
      missing: missing.map(({ image }) => formatChannelArch(image)),
      warnings,
    });
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    const { cause } = error;
    const kind = cause instanceof FileNotFoundError
      ? "absent"
      : isForbidden(cause)
      ? "forbidden"
      : "unusable";
    return refuse({
      path: settings.artifactsDir,
      kind,
      message: messageOf(cause),
    });
  }
}

/** Why a key could not be checked through no fault of its own. */
export class KeyUnseenError extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "KeyUnseenError";
}

/**
 * The signing keys, loaded as a provider loads them at its start.
 *
 * @param passphrase throws KeyUnseenError if none is available
 * @param isRunning whether a provider runs, perhaps of a user who may read more
 * @returns also what could not be checked
 */
export async function keysOnDisk(
  { signing, stateDir }: HostSettings,
  { fileSystem }: Pick<HostDisk, "fileSystem">,
  { passphrase, isRunning, signal }: {
    readonly passphrase: AskPassphrase;
    readonly isRunning: boolean;
    readonly signal: AbortSignal;
  },
): Promise<{ keys: KeyView[]; notLookedAt: string[] }> {
  const own = join(stateDir, "signing.key");
  const paths = signing.keys.length > 0 ? signing.keys : [own];
  const keys: KeyView[] = [];
  const notLookedAt: string[] = [];
  for (const path of paths) {
    const info = await fileSystem.stat(path).catch((error: unknown) => error);
    // A missing key in the state directory would be created.
    if (info instanceof FileNotFoundError && signing.keys.length === 0) {
      continue;
    }
    try {
      if (isRunning && isForbidden(info)) {
        throw new KeyUnseenError(info.problem);
      }
      const key: SigningKey = await loadSigningKey(fileSystem, path, {
        passphrase,
        signal,
      });
      keys.push({ path, keyId: key.publicKey.keyId });
    } catch (error) {
      signal.throwIfAborted();
      const message = messageOf(error);
      const isUnread = error instanceof ForbiddenSecretError;
      if (error instanceof KeyUnseenError || isRunning && isUnread) {
        notLookedAt.push(`the signing key "${path}": ${message}`);
      } else if (isUnread) {
        const problem = `${message}, or give it to the user of plasmd`;
        keys.push({ path, problem });
      } else if (error instanceof UserError) {
        keys.push({ path, problem: message });
      } else throw error;
    }
  }
  return { keys, notLookedAt };
}

/** Whether a failure comes from our own permissions, not from the file. */
function isForbidden(error: unknown): error is FileAccessError {
  return error instanceof FileAccessError &&
    error.problem === "permission denied";
}

/**
 * Checks the state directory by writing a file there and removing it, as a
 * provider does at its start; if it does not exist yet, in the directory where
 * it would be created.
 *
 * @param isRunning whether a provider runs, perhaps of a user who may do more
 * @returns undefined if it does not exist yet but can be created
 */
export async function stateOnDisk(
  path: string,
  { fileSystem, freeBytes }: HostDisk,
  { isRunning }: { readonly isRunning: boolean },
): Promise<Result<StateView | undefined>> {
  const isLocked = await hasLock(path, fileSystem);
  const view = { path, isLocked, isOpenToOthers: false, freeBytes: undefined };
  let info: FileInfo;
  try {
    info = await fileSystem.stat(path);
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) {
      return withProblem(view, error, isRunning);
    }
    if (isRunning) return ok(undefined);
    const above = await lastThere(path, fileSystem);
    const problem = await writeProblem(above, fileSystem);
    return problem === undefined
      ? ok(undefined)
      : withProblem(view, problem, isRunning);
  }
  const isOpenToOthers = (info.mode & 0o022) !== 0;
  const seen = { ...view, isOpenToOthers, freeBytes: await freeBytes(path) };
  const problem = await writeProblem(path, fileSystem);
  return problem === undefined
    ? ok(seen)
    : withProblem(seen, problem, isRunning);
}

function withProblem(
  view: StateView,
  error: unknown,
  isRunning: boolean,
): Result<StateView> {
  const message = messageOf(error);
  if (isForbidden(error)) {
    // What another user may do says nothing about the provider's user, unless
    // the provider has no lock there.
    return isRunning && view.isLocked !== false
      ? refuse(message)
      : ok({ ...view, problem: { kind: "forbidden", message } });
  }
  const code = errorCode(error instanceof Error ? error.cause : undefined);
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const kind = isFull ? "full" : "unusable";
  return ok({ ...view, problem: { kind, message } });
}

/** The nearest directory above a path that exists. */
async function lastThere(
  path: string,
  fileSystem: FileSystem,
): Promise<string> {
  for (let above = dirname(path);; above = dirname(above)) {
    const info = await fileSystem.stat(above).catch((error: unknown) => error);
    if (!(info instanceof FileNotFoundError)) return above;
    if (above === dirname(above)) return above;
  }
}

/** @returns why files cannot be written to a directory, if so */
async function writeProblem(
  directory: string,
  fileSystem: FileSystem,
): Promise<unknown> {
  const probe = join(directory, "doctor.probe");
  try {
    const { kind } = await fileSystem.stat(directory);
    if (kind !== "directory") return `"${directory}" is no directory`;
    await fileSystem.writeAtomically(probe, Uint8Array.of(0), { mode: 0o600 });
    await fileSystem.removeFile(probe);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** @returns undefined if it cannot be known */
async function hasLock(
  stateDir: string,
  fileSystem: FileSystem,
): Promise<boolean | undefined> {
  const path = join(stateDir, "lock");
  try {
    await fileSystem.stat(path); // fails if missing: lock() would create it
    using lock = await fileSystem.lock(path);
    return lock === undefined;
  } catch (error) {
    return error instanceof FileNotFoundError ? false : undefined;
  }
}

/**
 * The process that locked a state directory, according to its lock file; it may
 * have ended long ago.
 */
export async function processOf(
  stateDir: string,
  { fileSystem }: Pick<HostDisk, "fileSystem">,
): Promise<number | undefined> {
  const text = await fileSystem.readText(join(stateDir, "lock"))
    .catch(() => "");
  return /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}
