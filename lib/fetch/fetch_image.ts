import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import type { FetchDisk } from "./fetch_disk.ts";
import { joinFiles } from "./join_files.ts";
import { recoverImage, workPaths } from "./work_directory.ts";

/** A file of the image, as its manifest promises it. */
export interface FileToFetch {
  /** Below the image's directory; a checked artifact path. */
  readonly path: string;
  /** SHA-256 of the content, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Of the content. */
  readonly sizeBytes: number;
  /**
   * Where else it can be had than by its blob, relative to a source's manifest.
   * @default none
   */
  readonly urls?: readonly string[];
  /** To check it piece by piece; without, the whole is checked. */
  readonly pieces?: {
    /** Of each piece but the last. */
    readonly sizeBytes: number;
    /** SHA-256 of the list of the pieces' digests, 64 lower-case hex digits. */
    readonly sha256: string;
  };
}

/** A provider of the image. */
export interface FetchSource {
  /** Of the manifest: what its URLs and `/blobs/sha256/` are relative to. */
  readonly manifestUrl: URL;
  /** What it is called in events and messages. */
  readonly name: string;
}

/** A further file that appears together with the image's own. */
export type ExtraFile =
  & {
    /** In the image's directory. */
    readonly name: string;
  }
  & (
    | { readonly bytes: Uint8Array }
    /** These initrds of the image, by their paths, as `joinFiles()` does it. */
    | { readonly joined: readonly string[] }
  );

/** What happens meanwhile, for progress and logs. */
export type FetchEvent =
  /** Of a file: how much of it is there. */
  | {
    /**
     * `kept`: it was there and matched. `started`: nothing of it was there.
     * `resumed`: `bytes` of it were. `progress`: there is more of it, or less,
     * where something turned out to be wrong. `verified`: all of it is there and
     * matches.
     */
    readonly kind: "kept" | "started" | "resumed" | "progress" | "verified";
    readonly path: string;
    readonly bytes: number;
    readonly sizeBytes: number;
  }
  /** A source is asked for nothing more. */
  | {
    readonly kind: "source-failed";
    readonly source: string;
    readonly reason: string;
  }
  /** A source is asked again later. */
  | {
    readonly kind: "source-waits";
    readonly source: string;
    readonly reason: string;
    readonly delayMs: number;
  };

/** What is fetched, from where, and where to. */
export interface FetchImageOptions {
  /** At least one. */
  readonly files: readonly FileToFetch[];
  /** Written beside them: the manifest, the command line. */
  readonly extras: readonly ExtraFile[];
  /** The best first; at least one. */
  readonly sources: readonly FetchSource[];
  /** The image's own, `DIR/<channel>/<arch>`; what it held is replaced. */
  readonly directory: string;
  /** Told what happens; must not throw. */
  readonly onEvent?: (event: FetchEvent) => void;
  /** Where it is written. */
  readonly disk: FetchDisk;
  /** Whose time passes while sources are waited for. */
  readonly clock: Clock;
  /** Asks sources. */
  readonly httpGet: HttpGet;
}

/** An image that is on disk, whole and verified. */
export interface FetchedImage {
  /** Whether anything in its directory is new. */
  readonly isChanged: boolean;
  /** What came from sources, whether it was of use or not. */
  readonly receivedBytes: number;
}

/** Why an image could not be fetched whole. */
export interface FetchFailure {
  /**
   * `disk`: the directory cannot be written, or what is there is in the way.
   * `room`: the disk is full, or would be. `gone`: no source has a file any
   * more, as after its image was replaced: a newer manifest may help.
   * `sources`: none is left for other reasons. `aborted`: the signal came first.
   */
  readonly kind: "disk" | "room" | "gone" | "sources" | "aborted";
  /** Names the thing, the place and the next step, without a final period. */
  readonly message: string;
}

/**
 * Fetches an image: every file is verified before any has its final name, and
 * all names appear together. What was fetched before it failed is used by the
 * next attempt, whatever source that asks.
 *
 * @throws nothing but faults of this program
 */
export async function fetchImage(
  options: FetchImageOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<FetchedImage, FetchFailure>> {
  try {
    return await fetchSimply(options, signal);
  } catch (error) {
    if (signal.aborted) {
      return refuse({ kind: "aborted", message: messageOf(signal.reason) });
    }
    return refuse({ kind: "disk", message: messageOf(error) });
  }
}

async function fetchSimply(
  options: FetchImageOptions,
  signal: AbortSignal,
): Promise<Result<FetchedImage, FetchFailure>> {
  const { files, extras, sources: [source], directory, disk } = options;
  if (source === undefined) {
    return refuse({ kind: "sources", message: "No source is named" });
  }
  const paths = workPaths(directory);
  using lock = await disk.lockDirectory(paths.work);
  if (lock === undefined) {
    return refuse({
      kind: "disk",
      message: `Another program is fetching into "${directory}"`,
    });
  }
  await recoverImage(directory, disk);
  await disk.removeTree(paths.next);
  await disk.makeDirectory(paths.next, 0o755);
  let receivedBytes = 0;
  for (const file of files) {
    const fetched = await fetchWhole(file, source, options, signal);
    if (!fetched.ok) return fetched;
    receivedBytes += file.sizeBytes;
  }
  for (const extra of extras) {
    const to = `${paths.next}/${extra.name}`;
    if ("bytes" in extra) {
      await disk.writeAtomically(to, extra.bytes, { mode: 0o644 });
      continue;
    }
    const initrds = extra.joined.map((path) => `${paths.next}/${path}`);
    await joinFiles(initrds, to, disk);
  }
  await disk.syncDirectory(paths.next);
  disk.replaceDirectory(paths);
  await disk.syncDirectory(paths.parent);
  await disk.removeTree(paths.aside);
  await disk.removeTree(paths.work);
  return ok({ isChanged: true, receivedBytes });
}

async function fetchWhole(
  { path, sha256, sizeBytes }: FileToFetch,
  { manifestUrl, name }: FetchSource,
  { directory, disk, httpGet, onEvent = () => {} }: FetchImageOptions,
  signal: AbortSignal,
): Promise<Result<void, FetchFailure>> {
  const paths = workPaths(directory);
  const part = `${paths.work}/${sha256}.part`;
  onEvent({ kind: "started", path, bytes: 0, sizeBytes });
  const hash = createHash("sha256");
  let bytes = 0;
  {
    using file = await disk.openForWriting(part);
    const url = new URL(`/blobs/sha256/${sha256}`, manifestUrl);
    using reply = await httpGet(url, { signal });
    if (reply.status !== 200) {
      const kind = reply.status === 404 ? "gone" : "sources";
      return refuse({
        kind,
        message:
          `Cannot fetch "${path}" from ${name}: answered ${reply.status}`,
      });
    }
    for await (const chunk of reply.body) {
      hash.update(chunk);
      await file.writeAt(chunk, bytes);
      bytes += chunk.length;
      onEvent({ kind: "progress", path, bytes, sizeBytes });
      if (bytes > sizeBytes) break;
    }
    await file.sync();
  }
  if (bytes !== sizeBytes || hash.digest("hex") !== sha256) {
    await disk.removeFile(part);
    return refuse({
      kind: "sources",
      message: `Cannot fetch "${path}" from ${name}: it is not what was signed`,
    });
  }
  const to = `${paths.next}/${path}`;
  await disk.makeDirectory(to.slice(0, to.lastIndexOf("/")), 0o755);
  await disk.rename(part, to);
  onEvent({ kind: "verified", path, bytes, sizeBytes });
  return ok(undefined);
}
