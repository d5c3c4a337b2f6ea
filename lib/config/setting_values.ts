import { ok, refuse, type Result } from "../core/result.ts";

/** Single values that files and flags share, checked by shape alone. */

/**
 * Checks the base URL that clients reach a provider by.
 *
 * @returns the URL without a final slash, so that a path can be appended
 */
export function parseHttpUrl(text: string): Result<string> {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return refuse("not a URL that begins with http:// or https://");
  }
  if (url.username !== "" || url.password !== "") {
    return refuse("a URL that everybody sees must hold no password");
  }
  if (/[?#]/.test(text)) return refuse("a base URL has no ? and no #");
  return ok(url.href.replace(/\/+$/, ""));
}

/** Checks an IP address or host name to listen on. */
export function parseBind(text: string): Result<string> {
  return /^[0-9A-Za-z.:_%-]{1,253}$/.test(text)
    ? ok(text)
    : refuse("not an address to listen on, such as 0.0.0.0 or ::");
}

/**
 * Checks the name (`eth0`) or an address of a network interface; `!` in front
 * says that it is not to be used.
 */
export function parseInterface(text: string): Result<string> {
  return /^!?[0-9A-Za-z.:_%@-]{1,64}$/.test(text) ? ok(text) : refuse(
    "not an interface name or address, such as eth0, 192.168.1.10 or !wlan0",
  );
}

/** Checks the name a provider shows to people: one line of at most 63 characters. */
export function parseProviderName(text: string): Result<string> {
  return /^[^\p{C}\p{Zl}\p{Zp}]{1,63}$/u.test(text) && text.trim() === text
    ? ok(text)
    : refuse("not a name of 1 to 63 printable characters");
}

/** Checks a path by shape; whether it exists is for its reader to find out. */
export function parsePath(text: string): Result<string> {
  return text !== "" && !text.includes("\0")
    ? ok(text)
    : refuse("not a path of a file or directory");
}

/** Checks a libp2p protocol id, such as `/ipfs/kad/1.0.0`. */
export function parseProtocol(text: string): Result<string> {
  return /^(\/[!-.0-~]{1,64}){1,8}$/.test(text)
    ? ok(text)
    : refuse("not a protocol id, such as /ipfs/kad/1.0.0");
}
