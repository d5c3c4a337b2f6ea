/** A check that a test of an attack relies on. */
export interface Mutant {
  /** The beginning of the names of the tests that must fail. */
  readonly attack: string;
  /** Below lib/. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly check: string;
  /** What stands there once the check is removed. */
  readonly removed: string;
  /** Where these tests are, below tests/. @default those of attacks on manifests */
  readonly tests?: readonly string[];
}
