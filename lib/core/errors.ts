/**
 * Trouble that a person can mend: the message names the thing, the place and
 * the next step. The programs print it without a stack trace and exit with 2,
 * unless its kind says otherwise.
 */
export class UserError extends Error {
  /** Tells the kinds apart. */
  override readonly name: string = "UserError";
}

/** A command line that cannot be carried out. */
export class UsageError extends UserError {
  /** Tells the kinds apart. */
  override readonly name = "UsageError";
}

/**
 * A host that was named cannot be reached, or does not answer as asked: the
 * programs exit with 3.
 */
export class UnreachableError extends UserError {
  /** Tells the kinds apart. */
  override readonly name = "UnreachableError";
}

/** Where in a configuration file something is wrong. */
export interface ConfigPosition {
  /** The file as it was named. */
  readonly path: string;
  /** Counted from 1. */
  readonly line?: number;
  /** Counted from 1. */
  readonly column?: number;
}

/** A configuration file that cannot be used. */
export class ConfigError extends UserError {
  /** Tells the kinds apart. */
  override readonly name = "ConfigError";
  /** The file, line and column at fault. */
  readonly position: ConfigPosition;

  /**
   * Puts the place in front of the problem.
   *
   * @param problem one clause: what is wrong and what would be right
   */
  constructor(
    position: ConfigPosition,
    problem: string,
    options?: ErrorOptions,
  ) {
    const { path, line, column } = position;
    const where = line === undefined
      ? ""
      : ` line ${line}${column === undefined ? "" : ` column ${column}`}`;
    super(`Cannot use config "${path}"${where}: ${problem}`, options);
    this.position = position;
  }
}
