/** The headers of a message in order: names in lower case, one character per byte. */
export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** A header line that was read. */
export interface HeaderLine {
  /** In lower case. */
  readonly name: string;
  /** Without surrounding blanks. */
  readonly value: string;
  /** Where the next line begins. */
  readonly end: number;
}

/** A token (RFC 9110, section 5.6.2), for a regular expression. */
export const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

/**
 * RFC 9110, section 5.5: no blank before the colon, no line that continues
 * another, no control characters. Blanks around the value are not told apart
 * here: with two ways to match one, a header of nothing else would take
 * seconds.
 */
const HEADER_LINE = new RegExp(
  `(${TOKEN}):([\\t\\x20-\\x7e\\x80-\\xff]*)(?:\\r?\\n|$)`,
  "y",
);

/**
 * Reads a header line of a request, a reply or a chunked body's trailers.
 *
 * @param text one character per byte
 * @param at where the line begins; it ends with CR LF, LF or the text
 * @returns undefined when it is malformed
 */
export function readHeaderLine(text: string, at = 0): HeaderLine | undefined {
  HEADER_LINE.lastIndex = at;
  const match = HEADER_LINE.exec(text);
  if (match === null) return undefined;
  const [line, name = "", value = ""] = match;
  return {
    name: name.toLowerCase(),
    value: trimBlanks(value),
    end: at + line.length,
  };
}

const NONE: readonly string[] = [];

/** All values of a header, in the order they came. */
export function valuesOf(
  headers: HeaderFields,
  lowerCaseName: string,
): readonly string[] {
  let values = NONE;
  for (const [name, value] of headers) {
    if (name === lowerCaseName) values = [...values, value];
  }
  return values;
}

/** Blanks and tabs: `trim` takes off a byte beyond ASCII as well. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(character: number): boolean {
  return character === 0x20 || character === 0x09;
}
