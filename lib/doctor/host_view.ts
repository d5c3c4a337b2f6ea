import { join } from "node:path";
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
import { orReason } from "../core/or_reason.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import {
  type AskPassphrase,
  loadSigningKey,
  type SigningKey,
} from "../manifest/signing_key.ts";
import { scanAvailable } from "../scan/scan_available.ts";
import type { Limits } from "./limits.ts";

/** The settings that a provider is, or would be, started with. */
export type HostSettings = ProviderConfig & { readonly stateDir: string };

/** The images that lie on disk, as a provider would find them. */
export interface DiskImages {
  /** The images that can be offered. */
  readonly whole: readonly ChannelArch[];
  /** Expected, or with a directory, and not to be offered: `stable/arm64`. */
  readonly missing: readonly string[];
  /** What is passed over or cannot be read: one clause each. */
  readonly warnings: readonly string[];
}

/** A private key for signing manifests. */
export interface KeyView {
  /** The file. */
  readonly path: string;
  /** `ed25519:...`, where it could be loaded. */
  readonly keyId?: string;
  /** Why it cannot be used: a sentence. */
  readonly problem?: string;
}

/** The directory of keys and counters. */
export interface StateView {
  readonly path: string;
  /** Why nothing can be written there. */
  readonly problem?: { readonly isFull: boolean; readonly message: string };
  /** Whether others than its owner can replace what lies there. */
  readonly isOpenToOthers: boolean;
  /** Free on its file system; undefined: unknown. */
  readonly freeBytes: number | undefined;
}

/** A port that a provider would need and cannot have. */
export interface PortView {
  /** Such as `TCP port 8080`. */
  readonly name: string;
  /** `taken`: by another program. `forbidden`: to this one. */
  readonly problem: "taken" | "forbidden";
}

/** The boot loaders for bare machines. */
export interface LoadersView {
  /** Their directory. */
  readonly path: string;
  /** Why nothing can be read there. */
  readonly problem?: string;
  /** Images without a loader that leads machines to them: clauses. */
  readonly missing: readonly string[];
}

/** What the settings of a provider lead to on its own machine. */
export interface HostView {
  /** Only where no provider runs; a running one reports this itself. */
  readonly images?: Result<DiskImages>;
  /** The configured keys, or the one in the state directory. */
  readonly keys: readonly KeyView[];
  /** Undefined: it does not exist yet. */
  readonly state: StateView | undefined;
  /**
   * The ports that would keep a provider from starting, or that a running one
   * lacks.
   */
  readonly ports: readonly PortView[];
  /** Undefined: bare machines are not led here. */
  readonly loaders: LoadersView | undefined;
  /** Undefined: that may not be looked at. */
  readonly limits: Limits | undefined;
  /** What could not be looked at, one clause each, and how it could be. */
  readonly notLookedAt: readonly string[];
}

/** What is needed to look at a disk. */
export interface HostDisk {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** What is free for us where a path is; undefined: that is not told. */
  readonly freeBytes: (path: string) => Promise<number | undefined>;
}

/**
 * The images on disk, as a provider would find them: what it may not read is
 * missing, and a warning says so.
 *
 * @returns a reason where the directory of all of them cannot be read
 * @throws SystemLimitError
 */
export async function imagesOnDisk(
  settings: HostSettings,
  { fileSystem }: Pick<HostDisk, "fileSystem">,
  options: { readonly signal: AbortSignal },
): Promise<Result<DiskImages>> {
  const scan = await orReason(scanAvailable(settings, fileSystem, options));
  if (!scan.ok) return scan;
  const { available, missing, warnings } = scan.value;
  return ok({
    whole: available.map(({ image }) => image),
    missing: missing.map(({ image }) => formatChannelArch(image)),
    warnings,
  });
}

/** Why a key was not looked at, if that is no fault of the key. */
export class KeyUnseenError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "KeyUnseenError";
}

/**
 * The signing keys, loaded as a provider loads them at its start.
 *
 * @param passphrase throws KeyUnseenError where none is to be had
 * @returns what could not be looked at, too
 */
export async function keysOnDisk(
  { signing, stateDir }: HostSettings,
  { fileSystem }: Pick<HostDisk, "fileSystem">,
  { passphrase, signal }: {
    readonly passphrase: AskPassphrase;
    readonly signal: AbortSignal;
  },
): Promise<{ keys: KeyView[]; notLookedAt: string[] }> {
  const own = join(stateDir, "signing.key");
  const paths = signing.keys.length > 0 ? signing.keys : [own];
  const keys: KeyView[] = [];
  const notLookedAt: string[] = [];
  for (const path of paths) {
    const info = await fileSystem.stat(path).catch((error: unknown) => error);
    // The one in the state directory is made where there is none.
    if (info instanceof FileNotFoundError && signing.keys.length === 0) {
      continue;
    }
    try {
      if (info instanceof FileAccessError) {
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
      if (error instanceof KeyUnseenError || isForbidden(message)) {
        notLookedAt.push(`the signing key "${path}": ${message}`);
      } else if (error instanceof UserError) {
        keys.push({ path, problem: message });
      } else throw error;
    }
  }
  return { keys, notLookedAt };
}

/** Whether a failure comes from our own permissions, not from what is there. */
function isForbidden(message: string): boolean {
  return message.includes("this program may not read it");
}

/**
 * The state directory: a file is written there and removed, as a provider does
 * at its start.
 *
 * @returns undefined where there is none yet
 */
export async function stateOnDisk(
  path: string,
  { fileSystem, freeBytes }: HostDisk,
): Promise<Result<StateView | undefined>> {
  let info: FileInfo;
  try {
    info = await fileSystem.stat(path);
  } catch (error) {
    return error instanceof FileNotFoundError
      ? ok(undefined)
      : refuse(messageOf(error));
  }
  const isOpenToOthers = (info.mode & 0o022) !== 0;
  const view = { path, isOpenToOthers, freeBytes: await freeBytes(path) };
  if (info.kind !== "directory") {
    const message = `"${path}" is no directory`;
    return ok({ ...view, problem: { isFull: false, message } });
  }
  const probe = join(path, "doctor.probe");
  try {
    await fileSystem.writeAtomically(probe, Uint8Array.of(0), { mode: 0o600 });
    await fileSystem.removeFile(probe);
    return ok(view);
  } catch (error) {
    const message = messageOf(error);
    // Another user than the provider's says nothing of what that may do.
    if (error instanceof FileAccessError) return refuse(message);
    const code = errorCode(error instanceof Error ? error.cause : undefined);
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    return ok({ ...view, problem: { isFull, message } });
  }
}

/**
 * The process that has locked a state directory, as far as its lock tells: it
 * may have ended long ago.
 */
export async function processOf(
  stateDir: string,
  { fileSystem }: Pick<HostDisk, "fileSystem">,
): Promise<number | undefined> {
  const text = await fileSystem.readText(join(stateDir, "lock"))
    .catch(() => "");
  return /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}
