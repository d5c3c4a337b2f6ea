/** The version of both programs, as in deno.json. */
export const VERSION = "0.1.0";

/** What a bundle was made of; there is no such name where the source runs. */
declare const BUNDLED_COMMIT: string | undefined;

/** The version and, in bundles of a checkout, its commit: `0.1.0 (d70e1b6ff)`. */
export const BUILD: string =
  typeof BUNDLED_COMMIT === "undefined" || BUNDLED_COMMIT === ""
    ? VERSION
    : `${VERSION} (${BUNDLED_COMMIT})`;

/**
 * Some days before this version was released, milliseconds since 1970: a clock
 * that shows less has never been set, as on a board without a battery. One that
 * is a day slow is not taken for such.
 */
export const RELEASED_AT_MS: number = Date.parse("2026-11-23T00:00:00Z");
