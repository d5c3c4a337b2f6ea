const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day";
const TIME = "(?<hours>\\d\\d):(?<minutes>\\d\\d):(?<seconds>\\d\\d)";

/**
 * The three forms of RFC 9110, section 5.6.7: IMF-fixdate, and those of RFC 850
 * and asctime(), which are obsolete.
 */
const FORMS = [
  `${DAY}, (?<day>\\d\\d) (?<month>\\w{3}) (?<year>\\d{4}) ${TIME} GMT`,
  `${LONG_DAY}, (?<day>\\d\\d)-(?<month>\\w{3})-(?<year>\\d\\d) ${TIME} GMT`,
  `${DAY} (?<month>\\w{3}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/** `Sun, 22 Nov 2026 10:00:00 GMT`: whole seconds, cut, not rounded. */
export function formatHttpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}

/**
 * Reads an HTTP-date in any of the three forms that a recipient must accept
 * (RFC 9110, section 5.6.7). A wrong day of the week is tolerated.
 *
 * @param nowMs the present, by which a year of two digits is understood
 * @returns milliseconds since 1970, or undefined for what is no date: a
 * condition with such a date is to be ignored
 */
export function parseHttpDate(
  text: string,
  { nowMs }: { readonly nowMs: number },
): number | undefined {
  for (const form of FORMS) {
    const { year = "", ...date } = form.exec(text)?.groups ?? {};
    if (year.length === 4) return utc(Number(year), date);
    if (year.length === 2) {
      return inCentury(nowMs, (century) => utc(century + Number(year), date));
    }
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
  written: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const month = MONTHS.indexOf(written.month ?? "");
  const [day = NaN, hours = NaN, minutes = NaN, seconds = NaN] = [
    written.day,
    written.hours,
    written.minutes,
    written.seconds,
  ].map(Number);
  const isLeapSecond = hours === 23 && minutes === 59 && seconds === 60;
  if (month < 0 || hours > 23 || minutes > 59) return undefined;
  if (seconds > 59 && !isLeapSecond) return undefined;
  // Date.UTC would take the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  // `Date` turns a day that the month lacks into one of the next month.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) {
    return undefined;
  }
  return date.setUTCHours(hours, minutes, seconds);
}
