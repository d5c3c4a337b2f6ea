/** What became of an announcement. */
export interface AnnounceOutcome {
  /** Other nodes that answered at all. */
  readonly reached: number;
  /** Other nodes that said they keep the record. */
  readonly storedAt: number;
  /** Other nodes that were told of the provider; they do not answer to it. */
  readonly providedAt: number;
  /** Why others did not, each reason once. */
  readonly failures: readonly string[];
}

/** The outcome if no other node could be told. */
export const REACHED_NOBODY: AnnounceOutcome = {
  reached: 0,
  storedAt: 0,
  providedAt: 0,
  failures: [],
};
