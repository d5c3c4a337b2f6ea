import { basename, join, sep } from "node:path";
import type { ChannelArch } from "../core/channel_arch.ts";
import { UserError } from "../core/errors.ts";
import { type DirectoryEntry, FileNotFoundError } from "../core/file_system.ts";
import { workPaths } from "../fetch/work_directory.ts";
import {
  type Artifact,
  artifactsByRole,
  type BootManifest,
} from "../manifest/boot_manifest.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import type { MirrorDisk } from "./mirror_disk.ts";

/** What is in the place that an image is offered from. */
export interface StoredImage {
  /** The directory, with every link resolved. */
  readonly directory: string;
  /** The bytes of its `manifest.json`; undefined if there is none. */
  readonly manifest: Uint8Array<ArrayBuffer> | undefined;
  /**
   * `release`: put there by a mirror. `directory`: made by someone else.
   * `empty`: the same, with nothing in it. `link`: a link of someone else.
   */
  readonly kind: "release" | "directory" | "empty" | "link";
}

/**
 * The releases of one image on disk. Each has a directory of its own,
 * `DIR/<channel>/.<arch>@<manifest_version>-<content>`, in which only the
 * manifest is ever renewed; `DIR/<channel>/<arch>` is a link to the release on
 * offer, replaced by a single rename. So the previous release stays where
 * clients and open downloads expect it until none needs it.
 */
export class ImageStore {
  readonly #disk: MirrorDisk;
  readonly #parent: string;
  readonly #arch: string;

  constructor(
    { channel, arch }: ChannelArch,
    { artifactsDir, disk }: {
      /** Holds `<channel>/` directories. */
      readonly artifactsDir: string;
      readonly disk: MirrorDisk;
    },
  ) {
    this.#disk = disk;
    this.#parent = join(artifactsDir, channel);
    this.#arch = arch;
  }

  /** Where the image is offered from: a link, once a mirror has set it. */
  get path(): string {
    return join(this.#parent, this.#arch);
  }

  /** Where a release is put together, and stays. */
  directoryOf(
    { manifest, contentSha256 }: Pick<
      VerifiedManifest,
      "manifest" | "contentSha256"
    >,
  ): string {
    const name = `${manifest.manifestVersion}-${contentSha256.slice(0, 16)}`;
    return join(this.#parent, `.${this.#arch}@${name}`);
  }

  /**
   * What is offered at the moment; undefined: nothing.
   *
   * @throws FileAccessError, or the system's error
   */
  async stored(
    { signal }: { readonly signal: AbortSignal },
  ): Promise<StoredImage | undefined> {
    const entry = (await this.#list())
      .find(({ name }) => name === this.#arch);
    if (entry === undefined) return undefined;
    let directory: string;
    try {
      directory = await this.#disk.realPath(this.path);
    } catch (error) {
      // A link to nowhere is nothing, and is replaced.
      if (error instanceof FileNotFoundError) return undefined;
      throw error;
    }
    const path = join(directory, "manifest.json");
    const manifest = await readEnvelopeFile(path, this.#disk, { signal });
    if (entry.kind === "symlink") {
      const isOurs = this.#isRelease(basename(directory));
      return { directory, manifest, kind: isOurs ? "release" : "link" };
    }
    const isEmpty = (await this.#disk.list(directory)).length === 0;
    return { directory, manifest, kind: isEmpty ? "empty" : "directory" };
  }

  /**
   * Takes over a directory that stands where the link belongs, by giving it the
   * name that it would have had as a release.
   *
   * @throws UserError, or the system's error
   */
  async adopt(release: VerifiedManifest): Promise<void> {
    const directory = this.directoryOf(release);
    await this.#disk.removeTree(directory);
    await this.#disk.rename(this.path, directory);
    await this.putInPlace(directory);
  }

  /**
   * Puts what is here of a release already where its fetch finds it: what was
   * fetched of another, and what the one on offer has in common with it. The
   * latter is copied: with a link to it a file that is on offer would count as
   * changed.
   *
   * @throws the system's error
   */
  async prepare(
    release: VerifiedManifest,
    before: VerifiedManifest | undefined,
  ): Promise<void> {
    const { work } = workPaths(this.directoryOf(release));
    if (!await this.#isThere(work)) await this.#takeOverParts(work);
    if (before === undefined) return;
    const from = this.directoryOf(before);
    const known = new Map(
      filesOf(before.manifest).map((
        { sha256, filename },
      ) => [sha256, filename]),
    );
    for (const { sha256 } of filesOf(release.manifest)) {
      const same = known.get(sha256);
      const part = join(work, `${sha256}.part`);
      if (same === undefined || await this.#isThere(part)) continue;
      await this.#disk.makeDirectory(work, 0o755);
      await this.#disk.copyFile(join(from, same), part);
    }
  }

  async #takeOverParts(work: string): Promise<void> {
    const ending = work.slice(work.lastIndexOf("."));
    const other = (await this.#list())
      .find(({ name }) => this.#isRelease(name) && name.endsWith(ending));
    if (other === undefined) return;
    await this.#disk.rename(join(this.#parent, other.name), work);
  }

  /**
   * The error for something at the place of the link that the mirror may not
   * take over.
   *
   * @param reason one clause
   */
  notOurs(reason: string): UserError {
    return new UserError(
      `Cannot mirror to "${this.path}": ${reason}; move it away, or name another directory with --artifacts`,
    );
  }

  /** Removes what stands at the place of the link. */
  async clear(): Promise<void> {
    await this.#disk.removeTree(this.path);
  }

  /** Has a release offered that is whole, from one moment to the next. */
  async putInPlace(directory: string): Promise<void> {
    const link = join(this.#parent, `.${this.#arch}@link`);
    await this.#disk.removeTree(link);
    await this.#disk.symlink(basename(directory), link);
    await this.#disk.rename(link, this.path);
    await this.#disk.syncDirectory(this.#parent);
  }

  /** Gives the release on offer the same promise with other dates. */
  async renew({ bytes, ...release }: VerifiedManifest): Promise<void> {
    const path = join(this.directoryOf(release), "manifest.json");
    await this.#disk.writeAtomically(path, bytes, { mode: 0o644 });
  }

  /**
   * Removes releases but the one on offer, and what was fetched of some.
   *
   * @param kept releases that stay, with what is being fetched of them: their
   * directories, or paths below those
   */
  async removeOthers(kept: Iterable<string>): Promise<void> {
    const offered = await this.#disk.realPath(this.path).catch(() => "");
    const names = new Set(
      [offered, ...kept].flatMap((path) => path.split(sep))
        .filter((name) => this.#isRelease(name)),
    );
    for (const { name } of await this.#list()) {
      // A fetch has another directory beside it, such as `.NAME.fetch`.
      const isKept = names.values().some((kept) => name.includes(kept));
      if (!this.#isRelease(name) || isKept) continue;
      await this.#disk.removeTree(join(this.#parent, name));
    }
  }

  /** A release, or what a fetch has beside one. */
  #isRelease(name: string): boolean {
    return name.replace(/^\.?\./, "").startsWith(`${this.#arch}@`) &&
      name.startsWith(".");
  }

  async #list(): Promise<DirectoryEntry[]> {
    try {
      return await this.#disk.list(this.#parent);
    } catch (error) {
      if (error instanceof FileNotFoundError) return [];
      throw error;
    }
  }

  async #isThere(path: string): Promise<boolean> {
    return await this.#disk.stat(path).then(() => true, () => false);
  }
}

/** The files of an image, each once. */
export function filesOf(manifest: BootManifest): Artifact[] {
  return [...artifactsByRole(manifest).values()];
}
