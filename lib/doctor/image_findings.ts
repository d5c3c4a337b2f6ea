import { formatChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import type { Finding } from "./finding.ts";

/** What is known of a provider's images, by name: `stable/arm64`. */
export interface ImagesSeen {
  /** Images that clients get, though perhaps incomplete. */
  readonly offered: readonly string[];
  /** Expected but missing. */
  readonly missing: readonly string[];
  /** From a scan or a provider: clauses that name a directory or image. */
  readonly warnings: readonly string[];
}

/**
 * Findings about images on disk that are not offered or are incomplete, which
 * warnings report. Combinations of channel and architecture without any files,
 * which is most of them, yield no finding.
 */
export function imageFindings(
  { offered, missing, warnings }: ImagesSeen,
): Finding[] {
  const others = warnings.flatMap((warning) => WITHHELD.exec(warning) ?? [])
    .filter((name) => CHANNEL_ARCH.test(name));
  const absent = new Set([...missing, ...others]);
  for (const name of offered) absent.delete(name);
  const about = (name: string, holds: (warning: string) => boolean) =>
    [name, warnings.filter(holds)] as const;
  const ofImages = [
    ...[...absent].map((name) =>
      about(
        name,
        (text) => concerns(text, name) || channelConcerned(text, name),
      )
    ),
    ...offered.map((name) =>
      about(name, (text) => LACKING.test(text) && concerns(text, name))
    ),
  ];
  const said = new Set(ofImages.flatMap(([, clauses]) => clauses));
  const ofChannels = warnings.filter((warning) => !said.has(warning))
    .flatMap((warning) => {
      const [, path] = UNLISTED.exec(warning) ?? [];
      return path === undefined ? [] : [[path, [warning]] as const];
    });
  return [...ofImages, ...ofChannels].flatMap(([where, clauses]) =>
    findingFrom(where, clauses)
  );
}

function findingFrom(where: string, said: readonly string[]): Finding[] {
  const [why] = said;
  if (why === undefined) return [];
  const [cause = why, ...next] = why.split("; ");
  const isForbidden = FORBIDDEN.test(why);
  return [{
    code: isForbidden ? "image_unreadable" : "image_not_offered",
    where: [where],
    cause: isForbidden ? cause : said.join("; "),
    nextStep: isForbidden
      ? "let the user of plasmd read it: chmod -R a+rX DIRECTORY"
      : next.length > 0 && said.length === 1
      ? "do what it says, or see plasmd scan"
      : "plasmd scan says which file plays which role, and why",
  }];
}

const FORBIDDEN = /permission denied/i;
/** An offered image lacks a file, or its new content is withheld. */
const LACKING = /permission denied|^Cannot offer the new /i;
const CHANNEL_ARCH = /^[a-z0-9][a-z0-9._-]{0,31}\/[a-z0-9][a-z0-9._-]{0,31}$/;
/** An image that exists but is not offered, whether expected or not. */
const WITHHELD = /(?<=^Cannot offer )[^ :]+(?=: )|[^ ]+(?= is not offered$)/;
/** A channel directory that cannot be listed. */
const UNLISTED = /^Cannot list "(.+)": .*; its images are not offered$/;

/** Whether a clause is about the directory of an image's channel. */
function channelConcerned(warning: string, name: string): boolean {
  const [channel = ""] = name.split("/");
  const [, path = ""] = UNLISTED.exec(warning) ?? [];
  return path.endsWith(`/${channel}`) ||
    warning.includes(`, the artifacts_dir of channel ${channel}: `);
}

/** Every `channel/arch` in a clause, including those within paths. */
const NAMES =
  /(?=(?<![\w.-])([a-z0-9][a-z0-9._-]{0,31})\/([a-z0-9][a-z0-9._-]{0,31})(?![\w.-]))/g;

/** Whether a clause names an image, or its directory by an alias. */
function concerns(warning: string, name: string): boolean {
  return warning.matchAll(NAMES).some(([, channel = "", arch = ""]) => {
    const image = parseChannelArch(channel, arch);
    return image.ok && formatChannelArch(image.value) === name;
  });
}
