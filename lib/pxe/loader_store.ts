import { BoundedMap } from "../core/bounded_map.ts";
import type { FileSystem } from "../core/file_system.ts";
import { fillFrom } from "../core/fill_from.ts";
import { orReason } from "../core/or_reason.ts";
import {
  LoaderFinder,
  type LoaderSettings,
  openLoaderScope,
} from "../http/artifacts/loader_files.ts";
import { fileIdentity } from "../scan/digest.ts";
import type { ArtifactFile } from "../scan/image_files.ts";
import { listImage } from "../scan/image_listing.ts";

/** The most that TFTP clients can take: a loader has a few MiB at most. */
const MAX_BYTES = 16 * 1024 * 1024;
/** How many are kept in memory: a kind of firmware takes one. */
const MAX_KEPT = 4;

/** Boot loaders as TFTP sends them, from memory: all machines take the same few. */
export class LoaderStore {
  readonly #settings: () => LoaderSettings;
  readonly #fileSystem: FileSystem;
  readonly #finder: LoaderFinder;
  readonly #contents = new BoundedMap<string, Promise<Uint8Array>>(
    MAX_KEPT,
    "forget oldest",
  );

  /**
   * Reads nothing yet.
   *
   * @param settings gives those that hold at the moment
   */
  constructor(settings: () => LoaderSettings, fileSystem: FileSystem) {
    this.#settings = settings;
    this.#fileSystem = fileSystem;
    this.#finder = new LoaderFinder(fileSystem);
  }

  /** The names of those that there are, below their directory. */
  async names(): Promise<ReadonlySet<string>> {
    const scope = await this.#scope();
    const listing = scope && await orReason(listImage(scope));
    return new Set(listing?.ok ? listing.value.files.keys() : []);
  }

  /**
   * A loader, whole.
   *
   * @param name as the client wrote it
   * @returns undefined where there is none that can be sent
   * @throws the disk's error
   */
  async read(name: string): Promise<Uint8Array | undefined> {
    const scope = await this.#scope();
    const found = scope && await this.#finder.find(name, scope);
    if (!found?.ok || found.value.info.sizeBytes > MAX_BYTES) return undefined;
    const identity = fileIdentity(found.value.info);
    const known = this.#contents.get(identity);
    if (known !== undefined) return await known;
    const content = readWhole(found.value, this.#fileSystem);
    this.#contents.set(identity, content);
    content.catch(() => this.#contents.delete(identity));
    return await content;
  }

  async #scope() {
    const { loaders, stateDir } = this.#settings();
    if (loaders === undefined) return undefined;
    const scope = await openLoaderScope(
      { loaders, stateDir },
      this.#fileSystem,
    );
    return scope.ok ? scope.value : undefined;
  }
}

async function readWhole(
  { path, info: { sizeBytes } }: ArtifactFile,
  fileSystem: FileSystem,
): Promise<Uint8Array> {
  using file = await fileSystem.open(path, { isRegular: true });
  const content = new Uint8Array(sizeBytes);
  if (await fillFrom(file, content, 0) < sizeBytes) {
    throw new Error(`"${path}" became shorter while it was read`);
  }
  return content;
}
