import { formatChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import type { Finding } from "./finding.ts";

/** What is known of the images of a provider, by name: `stable/arm64`. */
export interface ImagesSeen {
  /** What clients get; perhaps not all of it. */
  readonly offered: readonly string[];
  /** Expected, and not there. */
  readonly missing: readonly string[];
  /** Of a scan or a provider: clauses that name directory or image. */
  readonly warnings: readonly string[];
}

/**
 * Findings about images that lie on disk and are not offered, or not whole:
 * those that a warning is about. Combinations of channel and architecture
 * without any files, which are most, give none.
 */
export function imageFindings(
  { offered, missing, warnings }: ImagesSeen,
): Finding[] {
  const others = warnings.flatMap((warning) => WITHHELD.exec(warning) ?? [])
    .filter((name) => CHANNEL_ARCH.test(name));
  const absent = new Set([...missing, ...others]);
  for (const name of offered) absent.delete(name);
  const ofImages = [
    ...[...absent].map((name) =>
      [
        name,
        warnings.filter((warning) =>
          concerns(warning, name) || channelConcerned(warning, name)
        ),
      ] as const
    ),
    ...offered.map((name) =>
      [
        name,
        warnings.filter((warning) =>
          LACKING.test(warning) && concerns(warning, name)
        ),
      ] as const
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
/** What an image that is offered lacks, or is behind with. */
const LACKING = /permission denied|^Cannot offer the new /i;
const CHANNEL_ARCH = /^[a-z0-9][a-z0-9._-]{0,31}\/[a-z0-9][a-z0-9._-]{0,31}$/;
/** An image that is there and not offered, whether it was expected or not. */
const WITHHELD = /(?<=^Cannot offer )[^ :]+(?=: )|[^ ]+(?= is not offered$)/;
/** The directory of a channel that cannot be looked into. */
const UNLISTED = /^Cannot list "(.+)": .*; its images are not offered$/;

/** Whether a clause is about the directory of an image's whole channel. */
function channelConcerned(warning: string, name: string): boolean {
  const [channel = ""] = name.split("/");
  const [, path = ""] = UNLISTED.exec(warning) ?? [];
  return path.endsWith(`/${channel}`) ||
    warning.includes(`, the artifacts_dir of channel ${channel}: `);
}

/** Every `channel/arch` of a clause, those within paths as well. */
const NAMES =
  /(?=(?<![\w.-])([a-z0-9][a-z0-9._-]{0,31})\/([a-z0-9][a-z0-9._-]{0,31})(?![\w.-]))/g;

/** Whether a clause names an image, or its directory under an alias. */
function concerns(warning: string, name: string): boolean {
  return warning.matchAll(NAMES).some(([, channel = "", arch = ""]) => {
    const image = parseChannelArch(channel, arch);
    return image.ok && formatChannelArch(image.value) === name;
  });
}
