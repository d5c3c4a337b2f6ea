import { ok, refuse, type Result } from "./result.ts";

/**
 * Names one boot image: a release channel and a CPU architecture, both
 * canonical (`stable`, `arm64`).
 */
export interface ChannelArch {
  /** Release channel, such as `stable` or `testing`. */
  readonly channel: string;
  /** Canonical architecture: `arm64`, `x86_64` or another configured name. */
  readonly arch: string;
}

/** The channels offered when neither flags nor config name any. */
export const DEFAULT_CHANNELS: readonly string[] = ["stable", "testing"];

/** The architectures offered when neither flags nor config name any. */
export const DEFAULT_ARCHITECTURES: readonly string[] = ["arm64", "x86_64"];

const SAFE_NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;

const ARCH_ALIASES: ReadonlyMap<string, string> = new Map([
  ["aarch64", "arm64"],
  ["amd64", "x86_64"],
  ["x64", "x86_64"],
]);

/**
 * Checks a channel or architecture name: 1 to 32 characters of `a-z`, `0-9`,
 * `.`, `_` and `-`, beginning with a letter or digit.
 */
export function isSafeName(name: string): boolean {
  return SAFE_NAME.test(name);
}

/**
 * Reserved: paths below these on a provider are no images: boot loaders, and
 * files by their hash.
 */
const RESERVED_CHANNELS: ReadonlySet<string> = new Set(["blobs", "boot"]);

/**
 * Checks a channel name.
 *
 * @param text as written by a user, a directory or a peer
 */
export function parseChannel(text: string): Result<string> {
  if (!isSafeName(text)) return refuse(nameRule("a channel"));
  return RESERVED_CHANNELS.has(text)
    ? refuse(
      `not a channel name: /${text}/ is a reserved path on every provider`,
    )
    : ok(text);
}

/**
 * Checks an architecture name and makes it canonical: `aarch64` is `arm64`,
 * `amd64` and `x64` are `x86_64`.
 *
 * @param text as written by a user, a directory or a peer
 */
export function parseArch(text: string): Result<string> {
  return isSafeName(text)
    ? ok(ARCH_ALIASES.get(text) ?? text)
    : refuse(nameRule("an architecture"));
}

/** Checks a pair; the reason names the part that is wrong. */
export function parseChannelArch(
  channel: string,
  arch: string,
): Result<ChannelArch> {
  const c = parseChannel(channel);
  if (!c.ok) return c;
  const a = parseArch(arch);
  if (!a.ok) return a;
  return ok({ channel: c.value, arch: a.value });
}

/** `stable/arm64`: how an image is named in logs, paths and messages. */
export function formatChannelArch(image: ChannelArch): string {
  return `${image.channel}/${image.arch}`;
}

/** Whether both name the same image. */
export function sameImage(a: ChannelArch, b: ChannelArch): boolean {
  return a.channel === b.channel && a.arch === b.arch;
}

/** The path of an image's manifest on every provider. */
export function manifestPath(image: ChannelArch): string {
  return `/${image.channel}/${image.arch}/manifest.json`;
}

function nameRule(what: string): string {
  return `not ${what} name: 1 to 32 of a-z 0-9 . _ -, beginning with a letter or digit`;
}
