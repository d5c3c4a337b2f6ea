import { inBackground } from "../core/background.ts";
import type { Bell } from "../core/bell.ts";
import { ContentScrub, type ScrubProgress } from "../scan/content_scrub.ts";
import type { ImageLibrary } from "./image_library.ts";
import type { Machine } from "./machine.ts";

/** Reads again, slowly, what is served, until it is disposed of. */
export interface OpenScrub extends AsyncDisposable {
  /** How far it has got. */
  readonly progress: ScrubProgress;
}

/**
 * Begins to read again what a library serves. What differs is refused to
 * clients from then on, and read anew.
 */
export function openScrub(
  library: ImageLibrary,
  machine: Pick<Machine, "fileSystem" | "clock" | "logger">,
  { bell }: { readonly bell: Bell },
): OpenScrub {
  const scrub = new ContentScrub({
    ...machine,
    artifacts: () =>
      library.images().flatMap(({ artifacts }) => [...artifacts.values()]),
    async onDiffering(artifact) {
      const tree = await library.tree();
      tree.refute(artifact);
      bell.ring();
    },
  });
  const running = inBackground((options) => scrub.run(options), machine);
  return {
    get progress() {
      return scrub.progress;
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
