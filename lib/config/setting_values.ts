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
    return refuse("a URL with a password, which everybody would see");
  }
  if (/[?#]/.test(text)) {
    return refuse("a base URL with ? or #, which it must not have");
  }
  return ok(url.href.replace(/\/+$/, ""));
}

/** Checks a text, and may rewrite it. */
export type Check = (text: string) => Result<string>;

function like(pattern: RegExp, what: string): Check {
  return (text) => pattern.test(text) ? ok(text) : refuse(`not ${what}`);
}

/** Checks an IP address or host name to listen on. */
export const parseBind: Check = like(
  /^[0-9A-Za-z.:_%-]{1,253}$/,
  "an address to listen on, such as 0.0.0.0 or ::",
);

/**
 * Checks the name (`eth0`) or an address of a network interface; `!` in front
 * says that it is not to be used.
 */
export const parseInterface: Check = like(
  /^!?[0-9A-Za-z.:_%@-]{1,64}$/,
  "an interface name or address, such as eth0, 192.168.1.10 or !wlan0",
);

/** Checks the name a provider shows to people: one line of at most 63 characters. */
export const parseProviderName: Check = like(
  /^(?!\s)[^\p{C}\p{Zl}\p{Zp}]{1,63}(?<!\s)$/u,
  "a name of 1 to 63 printable characters",
);

/** Checks a path by shape; whether it exists is for its reader to find out. */
export const parsePath: Check = like(
  /^[^\0]+$/,
  "a path of a file or directory",
);

/** Checks the name of a boot loader, below the directory of loaders. */
export const parseLoaderName: Check = like(
  /^(?=.{1,128}$)[0-9A-Za-z_][0-9A-Za-z._+-]*(\/[0-9A-Za-z_][0-9A-Za-z._+-]*)*$/,
  "a file name below the directory of loaders, such as snponly.efi",
);

/**
 * Checks a pattern of MAC addresses.
 *
 * @returns in lower case and with colons, `*` for any characters
 */
export function parseMacPattern(text: string): Result<string> {
  const pattern = text.toLowerCase().replaceAll("-", ":");
  const isWhole = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(pattern);
  return isWhole || /^(?=.*\*)[0-9a-f:*]{1,17}$/.test(pattern)
    ? ok(pattern)
    : refuse(
      "not a MAC address or a pattern, such as 52:54:00:12:34:56 or 52:54:00:*",
    );
}

/** Checks a libp2p protocol id, such as `/ipfs/kad/1.0.0`. */
export const parseProtocol: Check = like(
  /^(\/[!-.0-~]{1,64}){1,8}$/,
  "a protocol id, such as /ipfs/kad/1.0.0",
);

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const MAX_DURATION_MS = 86_400_000;

/**
 * Reads how often something is done: `90s`, `10m` or `1h`, from a second to a
 * day.
 *
 * @returns milliseconds
 */
export function parseDuration(text: string): Result<number> {
  const [, count, unit = ""] = /^(\d{1,5})([smh])$/.exec(text) ?? [];
  const durationMs = Number(count) * (UNIT_MS[unit] ?? 0);
  return durationMs >= 1000 && durationMs <= MAX_DURATION_MS
    ? ok(durationMs)
    : refuse("not a time such as 90s, 10m or 1h, at most 24h");
}
