/**
 * The last line of a terminal, which is written over and not kept. Without a
 * terminal there is none, and what matters is logged now and then instead.
 */
export interface StatusLine {
  /** How many characters fit. */
  readonly columns: number;
  /** Shows a text in place of the one before, of a few lines at most. */
  show(text: string): void;
  /** Shows nothing. */
  clear(): void;
}
