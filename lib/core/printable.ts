const PLAIN = /^[ -~]*$/;

/**
 * Makes a string from a peer, a client or a file fit for a line of text or a
 * terminal: control, format and line-breaking characters become `?`, and what
 * is too long is cut. The logger and the writer of results do it with every
 * line; others call it to cut, and for answers to clients.
 *
 * @param text untrusted
 * @param maxLength in UTF-16 units; a cut string ends with `…`
 */
export function printable(text: string, maxLength = 200): string {
  // Most are plain: making the classes below costs a booting box half a
  // millisecond.
  const clean = PLAIN.test(text)
    ? text
    : text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return clean.length <= maxLength
    ? clean
    : `${clean.slice(0, maxLength - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/**
 * JSON on one printable line: what `printable` would replace is escaped, so
 * that a parser gets it all back (RFC 8259 section 7).
 *
 * @param value anything that JSON can hold
 */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value);
  return PLAIN.test(json) ? json : json.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) =>
      character.split("").map((unit) =>
        `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
      ).join(""),
  );
}

/**
 * The message of anything that was thrown, with the messages of its causes,
 * fit for a log line.
 */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  let current = error;
  while (current !== undefined && current !== null && parts.length < 4) {
    const message = current instanceof Error
      ? current.message || current.name
      : String(current);
    if (!parts.includes(message)) parts.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return printable(parts.join(": "), 500);
}
