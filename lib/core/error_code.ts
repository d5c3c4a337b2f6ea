/** What the system calls an error, such as `ENOENT`; undefined for others. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error &&
      typeof error.code === "string"
    ? error.code
    : undefined;
}

/**
 * Whether no file or socket can be opened until another is closed: the process
 * has as many as it may have (EMFILE), or the whole system has (ENFILE).
 */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = errorCode(error);
  return code === "EMFILE" || code === "ENFILE";
}
