import { join } from "node:path";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { UserError } from "../core/errors.ts";
import { carryOver, listChanges } from "../core/list_changes.ts";
import type { Logger } from "../core/log.ts";
import { mapParallel } from "../core/map_parallel.ts";
import { messageOf } from "../core/printable.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import type {
  ImageCatalog,
  ServedBlob,
  ServedImage,
} from "../http/artifacts/image_catalog.ts";
import { loaderWarnings } from "../http/artifacts/loader_files.ts";
import { artifactsByRole } from "../manifest/boot_manifest.ts";
import { issueManifest } from "../manifest/issue_manifest.ts";
import { isFresh } from "../manifest/renew_manifest.ts";
import type { SigningKey } from "../manifest/signing_key.ts";
import { trustPath } from "../manifest/trust_chain.ts";
import { DigestCache } from "../scan/digest_cache.ts";
import type { HashedImage } from "../scan/image_files.ts";
import { imagePlace } from "../scan/image_place.ts";
import { ImageTree, type LookAt } from "../scan/image_tree.ts";
import type { MissingImage, ScanSettings } from "../scan/scan_available.ts";
import { bootWarnings } from "./boot_warnings.ts";
import { KeptManifests } from "./kept_manifests.ts";
import type { Machine } from "./machine.ts";
import { ServedBlobs } from "./served_blobs.ts";
import {
  type Outcome,
  type Outcomes,
  ownerSigned,
  servedImage,
  together,
} from "./served_image.ts";
import { isIntact, StandIns } from "./stand_ins.ts";
import { trustDirectory } from "./state_directory.ts";
import { StandingWarnings } from "./standing_warnings.ts";
import {
  readTrustDocuments,
  signerWarnings,
  type TrustDocuments,
} from "./trust_documents.ts";

/** What a library needs. */
export interface ImageLibraryOptions
  extends Omit<Machine, "hostName" | "passphraseFrom"> {
  /** Where to look. */
  readonly scan: ScanSettings;
  /** Keeps the manifests across restarts. */
  readonly stateDir: string;
  /** Told of what cannot be kept there. @default logger */
  readonly stateLogger?: Logger;
  /**
   * They sign the manifests of images that do not come with a signed one, each
   * of them; asked for when they are needed first.
   *
   * @throws UserError when there is a key that cannot be used
   */
  readonly loadSigners: () => Promise<readonly SigningKey[]>;
  /** How long a manifest is valid. */
  readonly expiresDays: number;
  /** Where boot loaders are, of which only faults are of interest here. */
  readonly loaders?: string | undefined;
}

const NO_TRUST_DOCUMENTS: TrustDocuments["documents"] = new Map();

/** How often it is checked whether manifests have to be renewed. */
const DATES_MS = 5000;

/** The images on disk, each hashed, under a signed manifest. */
export class ImageLibrary implements ImageCatalog {
  #options: ImageLibraryOptions;
  #tree: Promise<ImageTree> | undefined;
  readonly #manifests: KeptManifests;
  readonly #warnings: StandingWarnings;
  #images: readonly ServedImage[] = [];
  readonly #byName = new Map<string, ServedImage>();
  readonly #blobs: ServedBlobs;
  /** What has become of images, for as long as that holds. */
  #outcomes: Outcomes = { of: [], all: [] };
  #missing: readonly MissingImage[] = [];
  #trust: TrustDocuments | undefined;
  /** Looked for in the sweeps; unset: due. */
  #loaderFaults: readonly string[] | undefined;
  /** When the dates of all manifests are checked next. */
  #datesDueMs = -Infinity;
  #keyProblem: UserError | undefined;
  #isIncomplete = false;
  readonly #standIns: StandIns;
  #lookedIn: ScanSettings;

  constructor(options: ImageLibraryOptions) {
    this.#options = options;
    this.#lookedIn = options.scan;
    this.#manifests = new KeptManifests({
      ...options,
      logger: options.stateLogger ?? options.logger,
    });
    this.#warnings = new StandingWarnings(options);
    this.#blobs = new ServedBlobs(options);
    this.#standIns = new StandIns(options);
  }

  /** In the order of the settings, then sorted. */
  images(): readonly ServedImage[] {
    return this.#images;
  }

  /** The image, unless it is not served. */
  find(image: ChannelArch): ServedImage | undefined {
    return this.#byName.get(formatChannelArch(image));
  }

  /** A file of an image, or of what was served in its place lately. */
  findBlob(sha256: string): ServedBlob | undefined {
    return this.#blobs.find(sha256);
  }

  /** The same by the list of its pieces. */
  findBlobOfPieces(sha256: string): ServedBlob | undefined {
    return this.#blobs.findOfPieces(sha256);
  }

  /** What was expected at the last refresh and is not there. */
  get missing(): readonly MissingImage[] {
    return this.#missing;
  }

  /** What was wrong at the last refresh: one clause each. */
  get warnings(): readonly string[] {
    return this.#warnings.texts;
  }

  /** The succession of trusted keys, by number. */
  trustDocuments(): TrustDocuments["documents"] {
    return this.#trust?.documents ?? NO_TRUST_DOCUMENTS;
  }

  /** Why images without a signed manifest could not be offered, if so. */
  get keyProblem(): UserError | undefined {
    return this.#keyProblem;
  }

  /** Whether an image is whole, and yet could not be served. */
  get isIncomplete(): boolean {
    return this.#isIncomplete;
  }

  /** Whether a fault has come up that has not lasted long enough to be said. */
  get hasUnsaidWarning(): boolean {
    return this.#warnings.hasUnsaid;
  }

  /** Takes other settings, and another key, from the next look on. */
  configure(
    scan: ScanSettings,
    others: Pick<ImageLibraryOptions, "expiresDays" | "loaders">,
  ): void {
    this.#options = { ...this.#options, scan, ...others };
    this.#outcomes = { of: [], all: [] };
    this.#loaderFaults = undefined;
  }

  /**
   * The images on disk before they are signed: a watcher passes its events on to
   * them, and what a `look()` found new is read in between.
   */
  tree(): Promise<ImageTree> {
    return this.#tree ??= this.#openTree();
  }

  async #openTree(): Promise<ImageTree> {
    const { fileSystem, clock, logger, statusLine, stateDir } = this.#options;
    const digests = await DigestCache.open({
      fileSystem,
      path: join(stateDir, "digests.json"),
      logger: this.#options.stateLogger ?? logger,
    });
    return new ImageTree({ fileSystem, clock, digests, logger, statusLine });
  }

  /**
   * Looks at the disk until all that is whole is hashed and served.
   *
   * @throws UserError when the artifacts directory itself cannot be read
   */
  async refresh({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    await this.look({ signal });
    const tree = await this.tree();
    // Again, since more may have settled while some were read.
    while (tree.hasPending) {
      await tree.hashPending({ signal });
      await this.look({ at: "changes", signal });
    }
    await tree.save();
  }

  /**
   * Looks at the disk without reading any artifact: serves what is hashed,
   * signs what has new content or has reached half of its lifetime, and forgets
   * what is gone.
   *
   * @param at how much of the disk is looked at. @default "everything"
   * @param warnAfterMs how long a fault must last to be said: a file that is
   * being copied is empty at first. @default 0
   * @throws UserError when the artifacts directory itself cannot be read
   */
  async look({ at = "everything", warnAfterMs = 0, signal }: {
    readonly at?: LookAt;
    readonly warnAfterMs?: number;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const tree = await this.tree();
    await this.#manifests.writeRest();
    const { scan } = this.#options;
    const { hashed, missing, warnings: passedOver } = await tree.look(
      scan,
      { at: scan === this.#lookedIn ? at : "everything", signal },
    );
    this.#lookedIn = scan;
    const { images, warnings, isIncomplete } = await this.#serveAll(hashed, {
      signal,
    });
    const { loaders, stateDir, fileSystem, clock } = this.#options;
    if (at !== "changes") this.#loaderFaults = undefined;
    this.#loaderFaults ??= await loaderWarnings(
      { loaders, stateDir },
      fileSystem,
    );
    const trust = await readTrustDocuments(
      trustDirectory(stateDir),
      fileSystem,
      { before: this.#trust, now: clock.now(), signal },
    );
    this.#takeTrust(trust);
    await this.#offer(images);
    this.#isIncomplete = isIncomplete;
    this.#missing = missing;
    this.#warnings.update([
      ...passedOver,
      ...warnings,
      ...this.#loaderFaults,
      ...trust.warnings,
      ...signerWarnings(trust, images),
    ], warnAfterMs);
  }

  #takeTrust(trust: TrustDocuments): void {
    for (const [number, bytes] of trust.documents) {
      const before = this.#trust?.documents.get(number);
      if (before?.toHex() === bytes.toHex()) continue;
      this.#options.logger.info(
        `Serving trust document ${number} at ${trustPath(number)}`,
      );
    }
    this.#trust = trust;
  }

  /**
   * Stops serving images whose files are not there any more, or that newer
   * settings look for elsewhere, for when a `look()` is not possible: what can
   * still be read is still offered, and the problem is a warning until it is.
   */
  async dropLost(problem: string): Promise<void> {
    this.#warnings.update([...this.#warnings.texts, problem], 0);
    const { fileSystem, scan } = this.#options;
    const wanted = this.#images.filter(({ image }) =>
      imagePlace(scan, image) === imagePlace(this.#lookedIn, image)
    );
    const kept = await mapParallel(
      wanted,
      async (image) => await isIntact(image, fileSystem) ? [image] : [],
    );
    await this.#offer(kept.flat());
  }

  async #offer(images: readonly ServedImage[]): Promise<void> {
    const before = this.#images;
    const isSame = images.length === before.length &&
      images.every((image, index) => image === before[index]);
    if (!isSame) this.#images = images;
    const { gone, come } = listChanges(before, images);
    for (const { image } of gone) this.#byName.delete(formatChannelArch(image));
    for (const served of come) {
      this.#byName.set(formatChannelArch(served.image), served);
    }
    await this.#blobs.update(this.#images);
  }

  /** Serves images, each anew only where what it was served as holds no more. */
  async #serveAll(
    hashed: readonly HashedImage[],
    { signal }: { readonly signal: AbortSignal },
  ) {
    this.#keyProblem = undefined;
    const { clock } = this.#options;
    const now = clock.now();
    const checksDates = clock.monotonic() >= this.#datesDueMs;
    if (checksDates) this.#datesDueMs = clock.monotonic() + DATES_MS;
    const before = this.#outcomes;
    const outcomes = carryOver(before.of, before.all, hashed);
    const holds = (outcome: Outcome | undefined) =>
      outcome?.holds !== undefined && (!checksDates || outcome.holds(now));
    const others = [...hashed.keys()].filter((index) =>
      !holds(outcomes[index])
    );
    await mapParallel(others, async (index) => {
      const image = hashed[index];
      if (image === undefined) return;
      outcomes[index] = await this.#serve(image, { signal });
    });
    const all = outcomes.filter((outcome) => outcome !== undefined);
    // If the settings have changed meanwhile, nothing holds.
    if (this.#outcomes === before) this.#outcomes = { of: hashed, all };
    return together(all, now);
  }

  /** An image under its manifest, or the reason why not as a warning. */
  async #serve(
    hashed: HashedImage,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Outcome> {
    try {
      const { fileSystem } = this.#options;
      const served = await ownerSigned(hashed, fileSystem, { signal }) ??
        await this.#sign(hashed, { signal });
      this.#standIns.end(hashed.image);
      return served;
    } catch (error) {
      signal.throwIfAborted();
      const name = formatChannelArch(hashed.image);
      const before = this.#byName.get(name);
      if (before !== undefined && await this.#standIns.holds(before)) {
        const warning =
          `Cannot offer the new ${name}, keeping the previous one: ${
            messageOf(error)
          }`;
        return { image: before, warnings: () => [warning] };
      }
      this.#standIns.end(hashed.image);
      const warning = `Cannot offer ${name}: ${messageOf(error)}`;
      return { warnings: () => [warning] };
    }
  }

  /** An image under a manifest that this provider signs itself. */
  async #sign(
    hashed: HashedImage,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Outcome> {
    const { expiresDays, clock } = this.#options;
    const signers = await this.#signers();
    const previous = await this.#manifests.find(hashed.image, { signal });
    const now = clock.now();
    const clockTrusted = now >= RELEASED_AT_MS;
    const { manifest, bytes, sha256, isNewVersion } = await issueManifest({
      image: hashed,
      ...previous !== undefined && { previous },
      signers,
      now,
      clockTrusted,
      expiresDays,
    });
    if (bytes !== previous) {
      await this.#manifests.keep(hashed.image, bytes, {
        previous,
        // A version by the clock is followed by higher ones in any case. One
        // that was counted would come again after a restart, with other content.
        canWait: !isNewVersion ||
          clockTrusted && manifest.manifestVersion * 1000 <= now,
      });
    }
    const artifacts = artifactsByRole(hashed);
    const signedBy = signers.map(({ publicKey }) => publicKey.keyId);
    const envelope = { bytes, sha256, signedBy };
    const image = servedImage(manifest, envelope, artifacts);
    const boot = bootWarnings(image);
    return {
      image,
      ...boot.length > 0 && { warnings: () => boot },
      holds: (now) =>
        isFresh(manifest, {
          now,
          clockTrusted: now >= RELEASED_AT_MS,
          expiresDays: this.#options.expiresDays,
        }),
    };
  }

  async #signers(): Promise<readonly SigningKey[]> {
    try {
      return await this.#options.loadSigners();
    } catch (error) {
      if (error instanceof UserError) this.#keyProblem = error;
      throw error;
    }
  }
}
