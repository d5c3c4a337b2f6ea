/** The parts of a page for man(1), in the macros of man(7). */

/** Before what has to be escaped is. */
const MAX_COLUMNS = 68;

/** Text that roff prints as it stands. */
export function escapeRoff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll(/^\./gm, "\\&.");
}

/** A paragraph, in lines that are no longer than such files should have. */
export function paragraph(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > MAX_COLUMNS) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map(escapeRoff);
}

/** Text to be typed as it stands. */
export function bold(text: string): string {
  return `\\fB${escapeRoff(text)}\\fR`;
}

/** Stands for a value. */
export function italic(text: string): string {
  return text === "" ? "" : `\\fI${escapeRoff(text)}\\fR`;
}

/** What heads a page. */
export interface PageTitle {
  /** As in `man NAME`. */
  readonly name: string;
  /** 1 for commands, 5 for files. */
  readonly section: 1 | 5;
  /** Of the programs. */
  readonly version: string;
  /** When that was made, milliseconds since 1970. */
  readonly releasedAtMs: number;
}

/** The first line of a page. */
export function titleLine(
  { name, section, version, releasedAtMs }: PageTitle,
): string {
  const date = new Date(releasedAtMs).toISOString().slice(0, 10);
  const manual = section === 1 ? "User Commands" : "File Formats";
  return `.TH "${name.toUpperCase()}" ${section} "${date}" "plasm ${version}" "${manual}"`;
}

/** A section, or nothing where it has no lines. */
export function section(name: string, lines: readonly string[]): string[] {
  const [first, ...rest] = lines;
  if (first === undefined) return [];
  const body = first === ".PP" ? rest : lines; // which the heading is, too
  return [`.SH ${name.toUpperCase()}`, ...body];
}

/** Terms that share an explanation. */
export function entry(terms: readonly string[], text: string): string[] {
  return terms.flatMap((term, i) => [i === 0 ? ".TP" : ".TQ", term])
    .concat(paragraph(text));
}

/** Lines to be typed. */
export function example(lines: readonly string[]): string[] {
  return [".PP", ".RS 4", ".EX", ...lines.map(escapeRoff), ".EE", ".RE"];
}
