import { formatChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import type { Finding } from "./finding.ts";

/**
 * Findings about images that lie on disk and are not offered: those missing
 * ones that a warning is about. Combinations of channel and architecture
 * without any files, which are most, give none.
 *
 * @param missing `stable/arm64`
 * @param warnings of a scan or a provider: clauses that name directory or image
 */
export function imageFindings(
  missing: readonly string[],
  warnings: readonly string[],
): Finding[] {
  return missing.flatMap((name): Finding[] => {
    const said = warnings.filter((warning) => concerns(warning, name));
    const [why] = said;
    if (why === undefined) return [];
    const [cause = why, ...next] = why.split("; ");
    const isForbidden = /permission denied/i.test(why);
    return [{
      code: isForbidden ? "image_unreadable" : "image_not_offered",
      where: [name],
      cause: isForbidden ? cause : said.join("; "),
      nextStep: isForbidden
        ? "let the user of plasmd read it: chmod -R a+rX DIRECTORY"
        : next.length > 0 && said.length === 1
        ? "do what it says, or see plasmd scan"
        : "plasmd scan says which file plays which role, and why",
    }];
  });
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
