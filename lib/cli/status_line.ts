import type { StatusLine } from "../core/status_line.ts";

const DEFAULT_COLUMNS = 80;
/** Goes to the start of the line and clears it (ECMA-48). */
const CLEAR_LINE = "\r\x1b[K";

/**
 * The last line of the terminal that standard error is.
 *
 * @returns undefined when it is no terminal
 */
export function openStatusLine(): StatusLine | undefined {
  if (!Deno.stderr.isTerminal() || Deno.env.get("TERM") === "dumb") {
    return undefined;
  }
  let isShown = false;
  const write = (text: string) => {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  };
  return {
    get columns() {
      try {
        return Deno.consoleSize().columns || DEFAULT_COLUMNS;
      } catch {
        // Standard output is no terminal, which is the one that is measured.
        return DEFAULT_COLUMNS;
      }
    },
    show(text) {
      isShown = true;
      write(`${CLEAR_LINE}${text}`);
    },
    clear() {
      if (isShown) write(CLEAR_LINE);
      isShown = false;
    },
  };
}
