const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The three forms of RFC 9110, section 5.6.7; the last two are obsolete. */
const IMF_FIXDATE = /^\w{3}, (\d{2}) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const RFC_850 = /^\w{6,9}, (\d{2})-(\w{3})-(\d{2}) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME = /^\w{3} (\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** `Sun, 22 Nov 2026 10:00:00 GMT`: whole seconds, cut, not rounded. */
export function formatHttpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}

/**
 * Reads an HTTP-date in any of the three forms that a recipient must accept
 * (RFC 9110, section 5.6.7).
 *
 * @returns milliseconds since 1970, or undefined for what is no date: a
 * condition with such a date is to be ignored
 */
export function parseHttpDate(text: string): number | undefined {
  const fixdate = IMF_FIXDATE.exec(text);
  if (fixdate !== null) {
    const [, day, month, year, ...time] = fixdate;
    return utc(Number(year), month, day, time);
  }
  const rfc850 = RFC_850.exec(text);
  if (rfc850 !== null) {
    const [, day, month, year, ...time] = rfc850;
    // Two digits mean the past or the near future: servers of today were not
    // there before 1970.
    const short = Number(year);
    return utc(short < 70 ? 2000 + short : 1900 + short, month, day, time);
  }
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) {
    const [, month, day, hours, minutes, seconds, year] = asctime;
    return utc(Number(year), month, day, [hours, minutes, seconds]);
  }
  return undefined;
}

function utc(
  year: number,
  monthName: string | undefined,
  day: string | undefined,
  time: readonly (string | undefined)[],
): number | undefined {
  const month = MONTHS.indexOf(monthName ?? "");
  const [hours, minutes, seconds] = time.map(Number);
  const timeMs = Date.UTC(year, month, Number(day), hours, minutes, seconds);
  return month < 0 || Number.isNaN(timeMs) ? undefined : timeMs;
}
