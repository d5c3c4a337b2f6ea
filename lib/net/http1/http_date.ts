const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day";
const TIME = "(\\d\\d):(\\d\\d):(\\d\\d)";

/** The three forms of RFC 9110, section 5.6.7; the last two are obsolete. */
const IMF_FIXDATE = new RegExp(
  `^${DAY}, (\\d\\d) (\\w{3}) (\\d{4}) ${TIME} GMT$`,
);
const RFC_850 = new RegExp(
  `^${LONG_DAY}, (\\d\\d)-(\\w{3})-(\\d\\d) ${TIME} GMT$`,
);
const ASCTIME = new RegExp(`^${DAY} (\\w{3}) ([ \\d]\\d) ${TIME} (\\d{4})$`);

/** `Sun, 22 Nov 2026 10:00:00 GMT`: whole seconds, cut, not rounded. */
export function formatHttpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}

/**
 * Reads an HTTP-date in any of the three forms that a recipient must accept
 * (RFC 9110, section 5.6.7). Which day of the week it says is not held against
 * the date.
 *
 * @param nowMs the present, by which a year of two digits is understood
 * @returns milliseconds since 1970, or undefined for what is no date: a
 * condition with such a date is to be ignored
 */
export function parseHttpDate(
  text: string,
  { nowMs }: { readonly nowMs: number },
): number | undefined {
  const fixdate = IMF_FIXDATE.exec(text);
  if (fixdate !== null) {
    const [, day, month, year, ...time] = fixdate;
    return utc(Number(year), month, day, time);
  }
  const rfc850 = RFC_850.exec(text);
  if (rfc850 !== null) {
    const [, day, month, year, ...time] = rfc850;
    return inCentury(
      nowMs,
      (century) => utc(century + Number(year), month, day, time),
    );
  }
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) {
    const [, month, day, hours, minutes, seconds, year] = asctime;
    return utc(Number(year), month, day, [hours, minutes, seconds]);
  }
  return undefined;
}

/**
 * The latest such date that is no more than 50 years in the future: what
 * would be is the most recent year in the past with the same digits.
 */
function inCentury(
  nowMs: number,
  dateIn: (century: number) => number | undefined,
): number | undefined {
  const limit = new Date(nowMs);
  limit.setUTCFullYear(limit.getUTCFullYear() + 50);
  const present = Math.floor(limit.getUTCFullYear() / 100) * 100;
  const date = dateIn(present);
  return date !== undefined && date <= limit.getTime()
    ? date
    : dateIn(present - 100);
}

function utc(
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  time: readonly (string | undefined)[],
): number | undefined {
  const month = MONTHS.indexOf(monthName ?? "");
  const day = Number(dayText);
  const [hours = NaN, minutes = NaN, seconds = NaN] = time.map(Number);
  const isLeapSecond = hours === 23 && minutes === 59 && seconds === 60;
  if (month < 0 || hours > 23 || minutes > 59) return undefined;
  if (seconds > 59 && !isLeapSecond) return undefined;
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  // A day that the month does not have is one of the next.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) {
    return undefined;
  }
  return date.setUTCHours(hours, minutes, seconds);
}
