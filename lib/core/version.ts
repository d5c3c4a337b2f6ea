/** The version of both programs, as in deno.json. */
export const VERSION = "0.1.0";

/**
 * When this version was made, milliseconds since 1970: a clock that shows less
 * has never been set, as on a board without a battery.
 */
export const RELEASED_AT_MS: number = Date.parse("2026-11-23T00:00:00Z");
