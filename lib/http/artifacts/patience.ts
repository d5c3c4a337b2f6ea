/** How long a client can be kept waiting. */
export interface Patience {
  /** Before it gives up, in milliseconds. */
  readonly waitMs: number;
  /** Whether it retries when asked to (503, Retry-After). */
  readonly comesBack: boolean;
}

/**
 * What loaders do that one 503 ends the boot of: GRUB waits 30 s for the
 * headers of an answer, UEFI HTTP boot 5 s.
 */
const LOADERS: readonly (readonly [userAgent: RegExp, waitMs: number])[] = [
  [/^GRUB /, 25_000],
  [/^UefiHttpBoot\//, 4000],
];

/** Longer than it takes to find the slow ones, even if all are new. */
const ANYBODY: Patience = { waitMs: 12_000, comesBack: true };

/** Judges a client by its header User-Agent, which anybody may claim. */
export function patienceOf(userAgent: string | null): Patience {
  const loader = LOADERS.find(([pattern]) => pattern.test(userAgent ?? ""));
  return loader === undefined
    ? ANYBODY
    : { waitMs: loader[1], comesBack: false };
}
