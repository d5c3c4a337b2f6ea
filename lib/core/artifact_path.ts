/**
 * The name of a file with a role: fits a URL path and, unquoted, a boot script.
 */
const ROLE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/;
/** The name of any other file, or of a directory: fits a URL path. */
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._+~@,=-]{0,254}$/;
const MAX_PATH_LENGTH = 512;

/** Names of files that are still being written, or that lie beside them. */
export const PARTIAL_NAME = /(\.part|\.tmp|~)$/i;

/** Whether a path is safe to create below a directory of one's own. */
export function isArtifactPath(path: string): boolean {
  const parts = path.split("/");
  return path.length <= MAX_PATH_LENGTH && path !== "manifest.json" &&
    parts.every((part) => FILE_NAME.test(part) && !PARTIAL_NAME.test(part));
}

/** The same for a file that a boot script names. */
export function isRolePath(path: string): boolean {
  return isArtifactPath(path) &&
    path.split("/").every((part) => ROLE_NAME.test(part));
}
