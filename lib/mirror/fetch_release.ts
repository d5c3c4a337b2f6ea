import { formatChannelArch } from "../core/channel_arch.ts";
import { messageOf } from "../core/printable.ts";
import { imageFile } from "../fetch/by_products.ts";
import type { FetchEvent, FetchFailure } from "../fetch/fetch_image.ts";
import { sourcesOf } from "../fetch/source_state.ts";
import { fileToFetch } from "../fetch/wanted_files.ts";
import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import type { ReleaseAt } from "./find_release.ts";
import { filesOf, type ImageStore } from "./image_store.ts";
import type { MirrorPlan } from "./mirror_plan.ts";
import type { MirrorTools } from "./mirror_tools.ts";

/** Where a release comes from and goes to. */
export interface FetchReleaseOptions {
  /** Others, of which those are asked that have this release. */
  readonly providers: readonly ReleaseAt[];
  /** What is on offer, which may have files in common with it. */
  readonly before: VerifiedManifest | undefined;
  /** Where it goes to. */
  readonly store: ImageStore;
  /** Told how far it has got. */
  readonly plan: Pick<MirrorPlan, "fetching" | "progress">;
  /** Whether that was tried before, and said. */
  readonly isRetry: boolean;
  /** What is offered meanwhile: a clause. */
  readonly stays: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Fetches a release into its own directory: its files, its manifest byte for
 * byte, and an `image.toml` by which a provider finds its kernel.
 *
 * @returns why it is not whole, if so
 * @throws the signal's reason, when it aborts
 */
export async function fetchRelease(
  release: VerifiedManifest,
  { fetchImage, disk, clock, logger }: Pick<
    MirrorTools,
    "fetchImage" | "disk" | "clock" | "logger"
  >,
  options: FetchReleaseOptions,
): Promise<FetchFailure | undefined> {
  const { before, store, plan, stays, signal } = options;
  const { manifest, bytes } = release;
  const name = formatChannelArch(manifest.image);
  const files = filesOf(manifest);
  const sources = sourcesOf(release.contentSha256, options.providers);
  logger[options.isRetry ? "debug" : "info"](
    `Fetching ${name} ${titleOf(release)} from ${
      sources.map(({ name }) => name).join(", ")
    }; until it is whole, ${stays}`,
  );
  plan.fetching(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  await store.prepare(release, before === release ? undefined : before)
    // Then it is fetched, which meets the same trouble and says so.
    .catch((error) => logger.debug(messageOf(error)));
  const doneBytes = new Map<string, number>();
  const fetched = await fetchImage({
    files: files.map(fileToFetch),
    extras: [
      { name: "manifest.json", bytes },
      imageFile(manifest),
    ],
    sources,
    directory: store.directoryOf(release),
    onEvent(event) {
      if ("path" in event) {
        doneBytes.set(event.path, event.bytes);
        plan.progress(doneBytes.values().reduce((sum, one) => sum + one, 0));
      } else if (event.kind === "source-failed") {
        logger.warn(failureLine(name, event));
      } else logger.debug(`${event.source}: ${event.reason}`);
    },
    ...{ disk, clock },
  }, { signal });
  if (fetched.ok) return undefined;
  signal.throwIfAborted();
  return fetched.reason;
}

function failureLine(
  name: string,
  { source, reason }: Extract<FetchEvent, { readonly kind: "source-failed" }>,
): string {
  return `Giving up on ${source} for ${name}: ${reason}`;
}

/** The name of a release in messages. */
export function titleOf(
  { manifest: { version, manifestVersion } }: VerifiedManifest,
): string {
  return `${version} (manifest_version ${manifestVersion})`;
}
