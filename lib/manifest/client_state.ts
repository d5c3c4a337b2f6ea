import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { type Clock, sleep, systemClock } from "../core/clock.ts";
import { UserError } from "../core/errors.ts";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { refuseNewerState } from "../core/state_file.ts";
import { ok, refuseAs, type Result } from "../core/result.ts";
import { canonicalize, parseJson } from "./canonical_json.ts";
import { readJson } from "./json_reader.ts";
import type { Refusal } from "./refusal.ts";
import { clockSays } from "./clock_lag.ts";
import { formatTimestamp } from "./timestamp.ts";
import {
  parseTrustRoot,
  sameTrustRoot,
  type TrustRoot,
  trustRootContent,
} from "./trust_root.ts";
import type { TrustPolicy, VerifiedManifest } from "./verify_envelope.ts";

/** What a client remembers from one start to the next. */
export interface ClientState {
  /** The highest `manifest_version` accepted so far, by `stable/arm64`. */
  readonly manifestVersions: ReadonlyMap<string, number>;
  /**
   * What was accepted under these versions, as in
   * {@linkcode TrustPolicy.accepted}; not of versions from before this was kept.
   */
  readonly manifestContents: ReadonlyMap<string, string>;
  /** How far the succession of trust documents was followed. */
  readonly trust?: RememberedTrust;
}

/** The newest trust document, and the shipped one it goes back to. */
export interface RememberedTrust {
  /** What was shipped with the client at the time. */
  readonly shipped: TrustRoot;
  /** The newest that succeeded it. */
  readonly current: TrustRoot;
}

/**
 * The format of the state file. It is raised when an earlier client could not
 * read the file, or would be less strict by it.
 */
const FORMAT = 1;

/** A client that has not accepted anything yet. */
export const EMPTY_CLIENT_STATE: ClientState = {
  manifestVersions: new Map(),
  manifestContents: new Map(),
};

/** The lowest `manifest_version` that is not older than what was accepted. */
export function minimumVersionOf(
  state: ClientState,
  image: ChannelArch,
): number {
  return state.manifestVersions.get(formatChannelArch(image)) ?? 1;
}

/** What is asked of a manifest because of those that were accepted. */
export function versionPolicyFor(
  state: ClientState,
  image: ChannelArch,
): Pick<TrustPolicy, "minimumVersion" | "accepted"> {
  const manifestVersion = minimumVersionOf(state, image);
  const contentSha256 = state.manifestContents.get(formatChannelArch(image));
  return {
    minimumVersion: manifestVersion,
    ...contentSha256 !== undefined &&
      { accepted: { manifestVersion, contentSha256 } },
  };
}

/**
 * The trust document to begin with: the newest one remembered, provided that
 * it goes back to what is shipped now. Other shipped keys start over.
 */
export function newestTrust(state: ClientState, shipped: TrustRoot): TrustRoot {
  const { trust } = state;
  return trust !== undefined && sameTrustRoot(trust.shipped, shipped)
    ? trust.current
    : shipped;
}

/**
 * Remembers a manifest, which must have been verified; of two with one version
 * the first.
 */
export function withManifest(
  state: ClientState,
  { manifest: { image, manifestVersion }, contentSha256 }: Pick<
    VerifiedManifest,
    "manifest" | "contentSha256"
  >,
): ClientState {
  const { minimumVersion, accepted } = versionPolicyFor(state, image);
  if (
    manifestVersion < minimumVersion ||
    manifestVersion === accepted?.manifestVersion
  ) return state;
  const name = formatChannelArch(image);
  return {
    ...state,
    manifestVersions: new Map(state.manifestVersions)
      .set(name, manifestVersion),
    manifestContents: new Map(state.manifestContents).set(name, contentSha256),
  };
}

/**
 * Remembers a trust document, which must have been verified; one that is
 * older than what is remembered changes nothing. When a manifest key is
 * dropped, the versions are forgotten: a thief may have raised them out of
 * reach (fast-forward attack; TUF specification, 5.3.11).
 */
export function withTrust(
  state: ClientState,
  { shipped, current }: RememberedTrust,
): ClientState {
  const last = state.trust;
  if (
    last !== undefined && sameTrustRoot(last.shipped, shipped) &&
    last.current.trustVersion >= current.trustVersion
  ) {
    return state;
  }
  const before = (last?.current ?? shipped).manifestKeys.keys;
  const after = current.manifestKeys.keys;
  const dropped = [...before.keys()].some((keyId) => !after.has(keyId));
  return {
    ...dropped ? EMPTY_CLIENT_STATE : state,
    trust: { shipped, current },
  };
}

/**
 * What a client that follows a trust document asks of manifests.
 *
 * @param root the newest one; only of this it matters whether it has expired
 */
export function trustPolicyFor(
  root: TrustRoot,
  { state, image, clockTrusted, now }: {
    /** Has `root` remembered already, see {@linkcode withTrust}. */
    readonly state: ClientState;
    /** The image that is wanted. */
    readonly image: ChannelArch;
    /** As in {@linkcode TrustPolicy}. */
    readonly clockTrusted: boolean;
    /** Milliseconds since 1970. */
    readonly now: number;
  },
): Result<TrustPolicy, Refusal> {
  const { expiresAtMs, manifestKeys, minimumVersion } = root;
  if (clockTrusted && expiresAtMs !== undefined && expiresAtMs <= now) {
    return refuseAs(
      "trust_expired",
      `the trusted keys expired at ${formatTimestamp(expiresAtMs)}, ${
        clockSays(now)
      }`,
    );
  }
  const versions = versionPolicyFor(state, image);
  return ok({
    trusted: manifestKeys,
    image,
    ...versions,
    minimumVersion: Math.max(minimumVersion, versions.minimumVersion),
    clockTrusted,
  });
}

/**
 * Reads the state file; where there is none, or an empty one, nothing was
 * accepted yet.
 *
 * @throws UserError when it cannot be read or understood, or a newer client made
 * it: to go on without it would accept what was refused before
 */
export async function loadClientState(
  path: string,
  fileSystem: FileSystem,
  { signal }: { readonly signal: AbortSignal },
): Promise<ClientState> {
  signal.throwIfAborted();
  let text: string;
  try {
    text = await fileSystem.readText(path);
  } catch (error) {
    if (error instanceof FileNotFoundError) return EMPTY_CLIENT_STATE;
    throw new UserError(messageOf(error), { cause: error });
  }
  if (text === "") return EMPTY_CLIENT_STATE;
  refuseNewerState(text, FORMAT, { path, loss: "older images are accepted" });
  const state = parseClientState(text);
  if (!state.ok) {
    throw new UserError(
      `Cannot use state "${path}": ${state.reason}; delete it to start over, ` +
        "after which older images are accepted once",
    );
  }
  return state.value;
}

/** A client holds the lock for a few milliseconds. */
const LOCK_TIMEOUT_MS = 2000;
const LOCK_RETRY_MS = 10;

/**
 * Changes the state file, which is either wholly changed afterwards or not at
 * all. Reads it anew under a lock, so that what another client writes at the
 * same time is kept.
 *
 * @throws UserError as {@linkcode loadClientState} does, and when another
 * client does not let go of the file
 * @throws FileAccessError when it cannot be written
 */
export async function updateClientState(
  path: string,
  change: (state: ClientState) => ClientState,
  fileSystem: FileSystem,
  { clock = systemClock, signal }: {
    readonly clock?: Clock;
    readonly signal: AbortSignal;
  },
): Promise<ClientState> {
  const load = () => loadClientState(path, fileSystem, { signal });
  const before = await load();
  const wanted = change(before);
  if (formatClientState(wanted) === formatClientState(before)) return wanted;
  // Loaded late: 1.5 ms that a discovery without a state file need not spend.
  const { dirname } = await import("node:path");
  await fileSystem.makeDirectory(dirname(path), 0o700);
  // The one real name of the file, by whichever link it was reached.
  const real = await fileSystem.realPath(path).catch(() => path);
  using _lock = await lockState(real, fileSystem, { clock, signal });
  const after = change(await load());
  signal.throwIfAborted();
  await fileSystem.writeAtomically(
    path,
    new TextEncoder().encode(formatClientState(after)),
    { mode: 0o600 },
  );
  return after;
}

/** On a disk that knows no locks; one that cannot be written to says so next. */
const UNLOCKED: Disposable = { [Symbol.dispose]() {} };

async function lockState(
  path: string,
  fileSystem: FileSystem,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Disposable> {
  const endMs = clock.monotonic() + LOCK_TIMEOUT_MS;
  while (true) {
    const lock = await fileSystem.lock(`${path}.lock`).catch(() => UNLOCKED);
    if (lock !== undefined) return lock;
    if (clock.monotonic() >= endMs) {
      throw new UserError(
        `Cannot change state "${path}": another process holds "${path}.lock"; end it and try again`,
      );
    }
    await sleep(clock, LOCK_RETRY_MS, { signal });
  }
}

function formatClientState(
  { manifestVersions, manifestContents, trust }: ClientState,
): string {
  return canonicalize({
    format: FORMAT,
    manifest_versions: Object.fromEntries(manifestVersions),
    manifest_contents: Object.fromEntries(manifestContents),
    trust: trust && {
      shipped: trustRootContent(trust.shipped),
      current: trustRootContent(trust.current),
    },
  }) + "\n";
}

function parseClientState(text: string): Result<ClientState> {
  const json = parseJson(new TextEncoder().encode(text));
  if (!json.ok) return json;
  return readJson(json.value, (reader) => {
    const versions = reader.object("manifest_versions");
    const contents = reader.has("manifest_contents")
      ? reader.object("manifest_contents")
      : undefined;
    const readRoot = (name: string): TrustRoot => {
      const root = parseTrustRoot(reader.object("trust").value(name));
      return root.ok ? root.value : reader.refuse("trust", root.reason);
    };
    return {
      manifestVersions: new Map(
        versions.keys().map((name) => [name, versions.integer(name, 1)]),
      ),
      manifestContents: new Map(
        contents?.keys().map((name) => [name, contents.text(name, 64)]),
      ),
      ...(reader.has("trust") && {
        trust: { shipped: readRoot("shipped"), current: readRoot("current") },
      }),
    };
  });
}
