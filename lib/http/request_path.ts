/**
 * The path a request asks for, in the one form that routes know: runs of
 * slashes count as one, a trailing slash does not count. Firmware and scripts
 * that glue URLs together get both wrong, and many of them do not follow a
 * redirect to the clean path, so it is answered as if it had been clean.
 *
 * Dot segments stay as they are: no name that is served is called `..`.
 *
 * @param url as the server gives it: `http://`, whatever the Host header says,
 * then the raw request target
 */
export function requestPath(url: string): string {
  const target = /^[a-z+.-]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? "";
  const path = target.replaceAll(/\/+/g, "/").replace(/\/$/, "");
  return path === "" ? "/" : path;
}
