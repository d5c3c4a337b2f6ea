import { html } from "hono/html";
import { printable } from "../../core/printable.ts";

/** Text that is escaped already. */
export type EscapedText = string & { readonly isEscaped: true };

/** What `html` makes. */
export type Html = EscapedText | Promise<EscapedText>;

/** From this many rows on, there is a search field. */
const SEARCHED_FROM = 12;

/** Escaping makes text harmless; this makes it readable as well. */
export function shown(text: string): string {
  return printable(text, 120);
}

/**
 * A field that finds rows by their text, where there are many.
 *
 * @param what the rows have as `data-found`
 */
export function searchField(
  what: "machine" | "channel",
  count: number,
): Html | "" {
  if (count < SEARCHED_FROM) return "";
  const label = `Find a ${what}`;
  return html`
    <p>
      <input type="search" data-finds="${what}" placeholder="${label}"
        aria-label="${label}">
    </p>
  `;
}
