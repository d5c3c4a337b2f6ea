/**
 * The path a request asks for, in the one form that routes know: runs of
 * slashes count as one, a trailing slash does not count. Firmware and scripts
 * that glue URLs together get both wrong, and many of them do not follow a
 * redirect to the clean path, so it is answered as if it had been clean.
 *
 * Dot segments stay as they are: no name that is served is called `..`.
 *
 * @param target of the request: a path with or without a query, or a whole URL
 * whose host means nothing (RFC 9112, section 3.2)
 */
export function requestPath(target: string): string {
  const raw = /^(?:[a-z][a-z0-9+.-]*:\/\/[^/?#]*)?([^?#]*)/i.exec(target)?.[1];
  const path = (raw ?? "").replaceAll(/\/+/g, "/").replace(/\/$/, "");
  return path.startsWith("/") ? path : "/";
}
