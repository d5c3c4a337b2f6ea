import type { BundledPackage } from "./bundled_packages.ts";

/** The license of ours: packages under it come without a text of their own. */
const OURS = "Apache-2.0";

/**
 * The licenses of all that is in the bundles, package by package.
 *
 * @param packages with their notices
 * @param ownLicense the text of our own license, which is that of Apache 2.0
 * @throws Error that names a package with neither a text nor our license
 */
export function thirdPartyLicenses(
  packages: readonly BundledPackage[],
  ownLicense: string,
): string {
  const parts = packages.map((one) => {
    const heading = `${one.name} ${one.version}\nLicense: ${one.license}`;
    return [heading, ...textsOf(one)].join("\n\n");
  });
  return [
    `The programs contain these ${packages.length} packages, as npm has them.\n` +
    `Where one names ${OURS} and comes without a text, it is used under that\n` +
    "license, which is at the end.",
    ...parts,
    ownLicense.trim(),
  ].join(`\n\n${"-".repeat(72)}\n\n`) + "\n";
}

function textsOf(
  { name, version, license, notices }: BundledPackage,
): string[] {
  const texts = [...notices.values()].map((text) =>
    text.replaceAll("\r\n", "\n").trim()
  );
  if (texts.length > 0) return texts;
  if (license.split(" OR ").includes(OURS)) return [];
  throw new Error(
    `${name} ${version} is under ${license} and has no text of it: put one into its place here`,
  );
}
