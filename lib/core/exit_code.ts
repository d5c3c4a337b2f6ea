/** How both programs end; scripts on booting machines rely on the numbers. */
export const ExitCode = {
  done: 0,
  /** Unexpected: a bug, or trouble of the machine. */
  unexpected: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** Nothing was found before the timeout, or no host could be reached. */
  notFound: 3,
  /** A manifest came, but none that verifies. */
  notVerified: 4,
  /** Found and verified, but a file could not be fetched whole. */
  notFetched: 5,
  /** Signed, but not by enough yet: others have to sign as well. */
  incomplete: 6,
  /** Ended by SIGINT before it had a result. */
  interrupted: 130,
} as const;

/** Any of the exit codes. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];
