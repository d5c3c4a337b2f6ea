import { type Clock, sleep } from "./clock.ts";
import { messageOf } from "./printable.ts";
import type { StateFile } from "./state_file.ts";

const SAVE_INTERVAL_MS = 60_000;

/**
 * Writes a state each minute and when the signal aborts, where it is another
 * than was written last. That it cannot be is warned of once.
 */
export async function keepState(
  { fileSystem, path, logger }: StateFile,
  { what, current, clock, signal }: {
    /** What is kept, for the warning. */
    readonly what: string;
    readonly current: () => string | Promise<string>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let saved = "";
  let hasWarned = false;
  const save = async () => {
    try {
      const text = await current();
      if (text === saved) return;
      const bytes = new TextEncoder().encode(text);
      await fileSystem.writeAtomically(path, bytes, { mode: 0o600 });
      saved = text;
      hasWarned = false;
    } catch (error) {
      if (!hasWarned) {
        logger.warn(
          `Cannot save ${what} for the next start: ${messageOf(error)}`,
        );
      }
      hasWarned = true;
    }
  };
  while (!signal.aborted) {
    try {
      await sleep(clock, SAVE_INTERVAL_MS, { signal });
    } catch {
      // Aborted: saved a last time below.
    }
    await save();
  }
}
