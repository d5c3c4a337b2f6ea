import type { Clock } from "../core/clock.ts";
import { errorCode } from "../core/error_code.ts";
import {
  FileAccessError,
  FileNotFoundError,
  SystemLimitError,
} from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import {
  downloadAll,
  type DownloadFailure,
  type SourceEvent,
} from "./download_all.ts";
import type { Download, DownloadParts } from "./download.ts";
import { type ExtraFile, writeExtra } from "./extra_file.ts";
import type { FetchDisk } from "./fetch_disk.ts";
import type { Blob } from "./open_range.ts";
import { PiecedDownload } from "./pieced_download.ts";
import { PresentFiles } from "./present_files.ts";
import {
  type NamedSource,
  type SourceState,
  statesOf,
  troublesOf,
} from "./source_state.ts";
import { WholeDownload } from "./whole_download.ts";
import { WorkDirectory } from "./work_directory.ts";

/** A file of the image, as its manifest promises it. */
export interface FileToFetch {
  /** Below the image's directory; a checked artifact path. */
  readonly path: string;
  /** SHA-256 of the content, 64 lower-case hex digits. */
  readonly sha256: string;
  /** The size of the content. */
  readonly sizeBytes: number;
  /**
   * Other places than its blob, relative to a source's manifest.
   *
   * @default none
   */
  readonly urls?: readonly string[];
  /** For checking it piece by piece; without, it is checked as a whole. */
  readonly pieces?: {
    /** The size of each piece but the last. */
    readonly sizeBytes: number;
    /** SHA-256 of the list of the pieces' digests, 64 lower-case hex digits. */
    readonly sha256: string;
  };
}

/** A provider of the image. */
export type FetchSource = NamedSource;

/** What happens meanwhile, for progress and logs. */
export type FetchEvent =
  /** How much of a file is there. */
  | {
    /**
     * `kept`: it was there and matched. `started`: none of it was there.
     * `resumed`: `bytes` of it were. `progress`: more of it is there, or less
     * if a part proved wrong. `verified`: all of it is there and matches.
     */
    readonly kind: "kept" | "started" | "resumed" | "progress" | "verified";
    readonly path: string;
    readonly bytes: number;
    readonly sizeBytes: number;
  }
  | SourceEvent;

/** What is fetched, from where, and where to. */
export interface FetchImageOptions {
  /** Never empty. */
  readonly files: readonly FileToFetch[];
  /** Written beside them: the manifest, the command line. */
  readonly extras: readonly ExtraFile[];
  /** The best first, at least one; others may be added meanwhile. */
  readonly sources: readonly FetchSource[];
  /** The image's own, `DIR/<channel>/<arch>`; what it held is replaced. */
  readonly directory: string;
  /** Told what happens; must not throw. */
  readonly onEvent?: (event: FetchEvent) => void;
  /** Where it is written. */
  readonly disk: FetchDisk;
  /** Whose time passes while sources are waited for. */
  readonly clock: Clock;
  /** Asks sources; that of `openHttpClient()` keeps connections between requests. */
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
  const { directory, disk } = options;
  const sources = statesOf(options.sources);
  try {
    const opened = await WorkDirectory.open(directory, disk, { signal });
    if (!opened.ok) return refuse({ kind: "disk", message: opened.reason });
    using work = opened.value;
    return await new ImageFetch(options, work, sources).run({ signal });
  } catch (error) {
    if (!signal.aborted) return refuse(diskFailure(directory, error));
    const reasons = [messageOf(signal.reason), ...troublesOf(sources())];
    return refuse({
      kind: "aborted",
      message: `Stopped fetching into "${directory}" (${
        reasons.join("; ")
      }): what is there already is kept for the next attempt`,
    });
  }
}

/** One attempt to have one image in its directory. */
class ImageFetch {
  readonly #options: FetchImageOptions;
  readonly #work: WorkDirectory;
  readonly #sources: () => readonly SourceState[];
  readonly #contents: readonly Content[];
  readonly #onEvent: (event: FetchEvent) => void;
  #receivedBytes = 0;

  constructor(
    options: FetchImageOptions,
    work: WorkDirectory,
    sources: () => readonly SourceState[],
  ) {
    this.#options = options;
    this.#work = work;
    this.#sources = sources;
    this.#contents = contentsOf(options.files);
    this.#onEvent = options.onEvent ?? (() => {});
  }

  async run(
    bounds: { readonly signal: AbortSignal },
  ): Promise<Result<FetchedImage, FetchFailure>> {
    const { disk, extras } = this.#options;
    const work = this.#work;
    await work.tidy(new Set(this.#contents.flatMap(sha256sOf)));
    const present = await PresentFiles.list(work.paths.present, disk);
    const kept = new Map<Content, string>();
    for (const content of this.#contents) {
      const path = await present.find(content, bounds);
      if (path === undefined) continue;
      kept.set(content, path);
      this.#tell("kept", content, content.sizeBytes);
    }
    const isChanged = await this.#refresh(present, bounds);
    if (isChanged !== undefined) {
      await work.remove();
      return ok({ isChanged, receivedBytes: 0 });
    }
    for (const [{ sha256 }, path] of kept) {
      await disk.link(path, work.keptOf(sha256));
    }
    const missing = this.#contents.filter((content) => !kept.has(content));
    const failure = await this.#checkRoom(missing) ??
      await this.#download(missing, bounds);
    if (failure !== undefined) return refuse(failure);
    bounds.signal.throwIfAborted();
    for (const content of this.#contents) {
      const { sha256, paths } = content;
      const isKept = kept.has(content);
      await work.place(
        isKept ? work.keptOf(sha256) : work.partOf(sha256),
        paths,
      );
    }
    for (const extra of extras) {
      await writeExtra(extra, work.paths.next, disk);
    }
    await work.putInPlace();
    return ok({ isChanged: true, receivedBytes: this.#receivedBytes });
  }

  /**
   * Where the image is there, up to one file beside it, such as a manifest that
   * was renewed: nothing has to appear together with that, and nothing else is
   * touched.
   *
   * @returns whether that was replaced; undefined where there is more to do
   */
  async #refresh(
    present: PresentFiles,
    bounds: { readonly signal: AbortSignal },
  ): Promise<boolean | undefined> {
    const { disk, extras } = this.#options;
    const names = this.#contents.flatMap(({ paths }) => paths);
    if (!present.isExactly(names, extras)) return undefined;
    const [stale, ...others] = await present.staleExtras(extras, bounds);
    if (stale === undefined) return false;
    if (others.length > 0 || !("bytes" in stale)) return undefined;
    await writeExtra(stale, this.#work.paths.present, disk);
    return true;
  }

  async #checkRoom(
    missing: readonly Content[],
  ): Promise<FetchFailure | undefined> {
    const { disk, directory } = this.#options;
    const { work } = this.#work.paths;
    const freeBytes = await disk.freeBytes(work) ?? Infinity;
    let neededBytes = 0;
    for (const { sha256, sizeBytes } of missing) {
      const taken = await disk.extentOf(this.#work.partOf(sha256))
        .catch((error) => {
          if (error instanceof FileNotFoundError) return { allocatedBytes: 0 };
          throw error;
        });
      neededBytes += Math.max(sizeBytes - taken.allocatedBytes, 0);
    }
    if (neededBytes <= freeBytes) return undefined;
    const needed = Math.ceil(neededBytes / 2 ** 20);
    const free = Math.floor(freeBytes / 2 ** 20);
    return {
      kind: "room",
      message:
        `Cannot fetch ${needed} MiB into "${directory}": ${free} MiB are free; free some, or name another directory`,
    };
  }

  async #download(
    missing: readonly Content[],
    bounds: { readonly signal: AbortSignal },
  ): Promise<DownloadFailure | undefined> {
    const { clock, disk, httpGet } = this.#options;
    using lifetime = new DisposableStack();
    const contents = new Map(missing.map((one) => [one.sha256, one]));
    const tell = (
      kind: "resumed" | "started" | "progress" | "verified",
      { sha256 }: Blob,
      bytes: number,
    ) => {
      const content = contents.get(sha256);
      if (content !== undefined) this.#tell(kind, content, bytes);
    };
    let isResuming = true;
    const parts: DownloadParts = {
      disk,
      receiving: {
        ...{ clock, httpGet },
        onReceived: (bytes) => this.#receivedBytes += bytes,
      },
      onBytes(blob, bytes) {
        if (!isResuming) tell("progress", blob, bytes);
      },
    };
    const downloads: Download[] = [];
    for (const content of missing) {
      const download = this.#downloadOf(content, parts);
      if (download instanceof PiecedDownload) lifetime.use(download);
      await download.resume(bounds);
      const { haveBytes } = download;
      tell(haveBytes > 0 ? "resumed" : "started", content, haveBytes);
      downloads.push(download);
    }
    isResuming = false;
    return await downloadAll({
      ...{ downloads, clock, sources: this.#sources, signal: bounds.signal },
      onEvent: this.#onEvent,
      fallBack: (download) =>
        download instanceof PiecedDownload && !download.hasList
          ? this.#wholeDownload(download.blob, parts)
          : undefined,
      nameOf: ({ sha256 }) => contents.get(sha256)?.paths[0] ?? sha256,
      onDone: ({ blob }) => tell("verified", blob, blob.sizeBytes),
    });
  }

  #downloadOf(
    content: Content,
    parts: DownloadParts,
  ): PiecedDownload | WholeDownload {
    const { pieces, ...blob } = content;
    if (pieces === undefined) return this.#wholeDownload(blob, parts);
    return new PiecedDownload({ ...blob, pieces }, {
      file: this.#work.partOf(blob.sha256),
      list: this.#work.listOf(pieces.sha256),
    }, parts);
  }

  #wholeDownload(blob: Blob, parts: DownloadParts): WholeDownload {
    return new WholeDownload(blob, this.#work.partOf(blob.sha256), parts);
  }

  #tell(
    kind: "kept" | "resumed" | "started" | "progress" | "verified",
    { paths, sizeBytes }: Content,
    bytes: number,
  ): void {
    for (const path of paths) this.#onEvent({ kind, path, bytes, sizeBytes });
  }
}

/** Files of the same content, which is fetched once. */
interface Content extends Blob {
  readonly pieces: FileToFetch["pieces"];
  readonly paths: readonly string[];
}

function contentsOf(files: readonly FileToFetch[]): Content[] {
  return [...Map.groupBy(files, ({ sha256 }) => sha256)].flatMap(
    ([sha256, [first, ...others]]) =>
      first === undefined ? [] : [{
        ...{ sha256, sizeBytes: first.sizeBytes, pieces: first.pieces },
        urls: [first, ...others].flatMap(({ urls = [] }) => urls),
        paths: [first, ...others].map(({ path }) => path),
      }],
  );
}

function sha256sOf({ sha256, pieces }: Content): string[] {
  return pieces === undefined ? [sha256] : [sha256, pieces.sha256];
}

/** @throws the error, where it is not the disk's */
function diskFailure(directory: string, error: unknown): FetchFailure {
  const message = messageOf(error);
  let code: string | undefined;
  for (let at = error; at instanceof Error; at = at.cause) {
    code ??= errorCode(at);
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return {
      kind: "room",
      message:
        `No space is left to fetch into "${directory}" (${message}): free some and try again, what is there already is kept`,
    };
  }
  const isOfDisk = code !== undefined || error instanceof FileAccessError ||
    error instanceof FileNotFoundError || error instanceof SystemLimitError;
  if (!isOfDisk) throw error;
  return {
    kind: "disk",
    message:
      `Cannot fetch into "${directory}" (${message}): name a directory that can be written`,
  };
}
