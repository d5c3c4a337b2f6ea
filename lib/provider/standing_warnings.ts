import type { Machine } from "./machine.ts";

interface Warning {
  /** When it came up, on the monotonic clock. */
  readonly sinceMs: number;
  readonly isSaid: boolean;
}

/** Faults that last: each is logged once, and again only after it had gone. */
export class StandingWarnings {
  readonly #machine: Pick<Machine, "clock" | "logger">;
  #warnings: ReadonlyMap<string, Warning> = new Map();

  constructor(machine: Pick<Machine, "clock" | "logger">) {
    this.#machine = machine;
  }

  /** What is wrong at the moment. */
  get texts(): readonly string[] {
    return [...this.#warnings.keys()];
  }

  /** Whether one has not lasted long enough to be said. */
  get hasUnsaid(): boolean {
    return [...this.#warnings.values()].some(({ isSaid }) => !isSaid);
  }

  /**
   * Takes all that is wrong now, in place of what was.
   *
   * @param afterMs how long a fault must last to be said
   */
  update(texts: readonly string[], afterMs: number): void {
    const { clock, logger } = this.#machine;
    const now = clock.monotonic();
    const before = this.#warnings;
    this.#warnings = new Map(texts.map((text) => {
      const { sinceMs, isSaid } = before.get(text) ??
        { sinceMs: now, isSaid: false };
      const isDue = now - sinceMs >= afterMs;
      if (isDue && !isSaid) logger.warn(text);
      return [text, { sinceMs, isSaid: isSaid || isDue }];
    }));
  }
}
