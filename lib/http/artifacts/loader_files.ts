import { isArtifactPath } from "../../core/artifact_path.ts";
import { BoundedMap } from "../../core/bounded_map.ts";
import { FileNotFoundError, type FileSystem } from "../../core/file_system.ts";
import { orReason } from "../../core/or_reason.ts";
import { printable } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { errorAnswer } from "../../net/http1/answers.ts";
import type { Answer, Exchange } from "../../net/http1/handler.ts";
import type { RequestHead } from "../../net/http1/request_head.ts";
import { FileChangedError, fileIdentity } from "../../scan/digest.ts";
import type {
  ArtifactFile,
  FileContent,
  HashedArtifact,
} from "../../scan/image_files.ts";
import {
  type ImageScope,
  listImage,
  resolveFile,
} from "../../scan/image_listing.ts";
import { PrivateKeyCheck } from "../../scan/private_keys.ts";
import { digestWithSample, stillHasSample } from "../../scan/sampled_digest.ts";
import { resolveOwn } from "../../scan/scan_available.ts";
import { answerArtifact, type ArtifactSender } from "./answer_artifact.ts";

/** Where boot loaders are. */
export interface LoaderSettings {
  /** The directory that holds them; unset: none are served. */
  readonly loaders: string | undefined;
  /** Ours: nothing in it is served. */
  readonly stateDir?: string | undefined;
}

/** What loaders are served with. */
export interface LoaderFilesOptions {
  /** Gives those that hold at the moment. */
  readonly settings: () => LoaderSettings;
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** Sends them, and has the time. */
  readonly sender: ArtifactSender;
}

/** Loaders have a few MiB; what is hashed on request must be small. */
const MAX_BYTES = 64 * 1024 * 1024;
/** How many contents are known, each until its file changes. */
const MAX_KNOWN = 1024;
/** How many names an error lists: it is no directory listing. */
const MAX_LISTED_NAMES = 20;
/** Anybody can ask for what is not there: that lists the directory no sooner. */
const LISTED_AGAIN_MS = 2000;

/**
 * Debian's package of iPXE contains such links; the operator can do nothing
 * about them.
 */
const SHIPPED_LINK = /: it links to "\/boot\/ipxe\.[a-z]+", /;

const NOT_CONFIGURED =
  'This provider has no boot loaders: its configuration names no directory for them, such as loaders = "/usr/lib/ipxe" in [pxe]';

/**
 * Said also of files that must stay secret: completes `Boot loader "x" ...`.
 */
const ABSENT = "is not here";

/**
 * Boot loaders as they lie in a directory at the time of a request. Once their
 * bytes are known they are sent like the artifacts of an image.
 */
export class LoaderFiles {
  readonly #options: LoaderFilesOptions;
  readonly #finder: LoaderFinder;
  readonly #contents = new BoundedMap<string, Promise<FileContent>>(
    MAX_KNOWN,
    "forget oldest",
  );
  #listed:
    | {
      readonly directory: string;
      readonly atMs: number;
      readonly names: Promise<string>;
    }
    | undefined;

  constructor(options: LoaderFilesOptions) {
    this.#options = options;
    this.#finder = new LoaderFinder(options.fileSystem);
  }

  /**
   * Answers a GET or HEAD request.
   *
   * @param name as the client wrote it: `snponly.efi`, `arm64/snponly.efi`
   */
  async answer(
    name: string,
    head: RequestHead,
    exchange: Exchange,
  ): Promise<Answer> {
    const { loaders, stateDir } = this.#options.settings();
    if (loaders === undefined) return errorAnswer(404, NOT_CONFIGURED);
    const scope = await openLoaderScope(
      { loaders, stateDir },
      this.#options.fileSystem,
    );
    if (!scope.ok) {
      return errorAnswer(
        404,
        "This provider cannot read its directory of boot loaders: its log says why",
      );
    }
    let artifact: Result<HashedArtifact>;
    try {
      artifact = await this.#find(name, scope.value);
    } catch (error) {
      if (
        error instanceof FileChangedError || error instanceof FileNotFoundError
      ) {
        return errorAnswer(
          503,
          `Boot loader ${name} is being replaced: try again in 2 s`,
          { "Retry-After": "2" },
        );
      }
      throw error;
    }
    if (!artifact.ok) {
      const asked = JSON.stringify(printable(name, 80));
      const names = await this.#names(scope.value);
      return errorAnswer(
        404,
        `Boot loader ${asked} ${artifact.reason}; ${names}`,
      );
    }
    return await answerArtifact(
      { name: `boot/${name}`, artifact: artifact.value },
      head,
      { cacheControl: "no-cache", exchange, sender: this.#options.sender },
    );
  }

  /** @returns the file, or a clause for the client */
  async #find(
    name: string,
    scope: ImageScope,
  ): Promise<Result<HashedArtifact>> {
    const found = await this.#finder.find(name, scope);
    return found.ok
      ? ok({ ...found.value, ...await this.#contentOf(found.value) })
      : found;
  }

  /** The content of a file, read once while it does not change. */
  async #contentOf(file: ArtifactFile): Promise<FileContent> {
    const identity = fileIdentity(file.info);
    const pending = this.#contents.get(identity);
    if (pending !== undefined) {
      const known = await pending;
      if (
        known.sample === undefined ||
        await stillHasSample(file, known.sample, this.#options.fileSystem)
      ) return known;
    }
    const content = this.#read(file);
    this.#contents.set(identity, content);
    content.catch(() => this.#contents.delete(identity));
    return await content;
  }

  async #read(file: ArtifactFile): Promise<FileContent> {
    return await digestWithSample(file, this.#options.fileSystem, {
      kind: await this.#options.fileSystem.kindOf(file.path),
      signal: new AbortController().signal,
    });
  }

  /** What there is, as it was a moment ago: a clause for the client. */
  #names(scope: ImageScope): Promise<string> {
    const { directory } = scope;
    const now = this.#options.sender.clock.monotonic();
    if (
      this.#listed?.directory !== directory ||
      now - this.#listed.atMs >= LISTED_AGAIN_MS
    ) this.#listed = { directory, atMs: now, names: this.#listNames(scope) };
    return this.#listed.names;
  }

  async #listNames(scope: ImageScope): Promise<string> {
    const listing = await orReason(listImage(scope));
    const files = listing.ok ? [...listing.value.files.values()] : [];
    const names: string[] = [];
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      if (await this.#finder.problemWith(file) === undefined) {
        names.push(file.filename);
      }
      if (names.length === MAX_LISTED_NAMES) break;
    }
    if (names.length === 0) return "there are none";
    const more = files.length === 0 ? "" : ` and ${files.length} more`;
    return `there are ${names.join(", ")}${more}`;
  }
}

/** Finds files that can be sent as boot loaders. */
export class LoaderFinder {
  readonly #fileSystem: FileSystem;
  readonly #privateKeys = new PrivateKeyCheck();

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /**
   * A file by its name.
   *
   * @param name as the client wrote it
   * @returns the file, or a clause for the client
   * @throws SystemLimitError
   */
  async find(name: string, scope: ImageScope): Promise<Result<ArtifactFile>> {
    if (!isArtifactPath(name)) return refuse(ABSENT);
    // As if it was a link: a directory above it may be one.
    const found = await resolveFile(name, "symlink", scope);
    if (!found.ok) return refuse(ABSENT);
    const file = { filename: name, ...found.value };
    const problem = await this.problemWith(file);
    return problem === undefined ? ok(file) : refuse(problem);
  }

  /** Why a file is not sent, if it is not: a clause for the client. */
  async problemWith(file: ArtifactFile): Promise<string | undefined> {
    const { sizeBytes } = file.info;
    if (sizeBytes === 0) return "is empty";
    if (sizeBytes > MAX_BYTES) {
      return `has ${sizeBytes} bytes, more than ${MAX_BYTES}`;
    }
    const isSecret = await this.#privateKeys.finds(file, this.#fileSystem);
    return isSecret ? ABSENT : undefined;
  }
}

/**
 * What is wrong with the directory of boot loaders, and what in it is passed
 * over: whole sentences for the log.
 *
 * @throws SystemLimitError
 */
export async function loaderWarnings(
  settings: LoaderSettings,
  fileSystem: FileSystem,
): Promise<readonly string[]> {
  const { loaders, stateDir } = settings;
  if (loaders === undefined) return [];
  const scope = await openLoaderScope({ loaders, stateDir }, fileSystem);
  const listing = scope.ok ? await orReason(listImage(scope.value)) : scope;
  if (listing.ok) {
    return listing.value.warnings.filter((line) => !SHIPPED_LINK.test(line));
  }
  return [
    `${listing.reason}; no boot loaders are served until it is there, or loaders in [pxe] names another directory`,
  ];
}

/**
 * Opens the directory of boot loaders.
 *
 * @returns what its files are found by, or a clause that says why not
 * @throws SystemLimitError
 */
export async function openLoaderScope(
  { loaders, stateDir }: LoaderSettings & { readonly loaders: string },
  fileSystem: FileSystem,
): Promise<Result<ImageScope>> {
  const real = await orReason(fileSystem.realPath(loaders));
  return real.ok
    ? ok({
      directory: loaders,
      realDirectory: real.value,
      realRoot: real.value,
      ownDirectories: await resolveOwn({ stateDir }, fileSystem),
      fileSystem,
    })
    : real;
}
