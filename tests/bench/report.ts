import { FLOORS, measureOf, ratioTo, rounded, wantedBy } from "./floors.ts";
import type { Row } from "./part.ts";

const BEGIN = "<!-- bench -->";
const END = "<!-- /bench -->";

/** The rows that README has. */
const HEADLINES = [
  "discovery above an empty program, p50",
  "found on the LAN, from process start",
  "DHT look-up, 50 nodes, 30 % fail",
  "256 MiB file, 1 connection",
  "256 MiB file, 4 connections",
  "1 MiB ranges, 4 connections",
  "manifests, 16 connections",
  "200 clients x 100 MiB, peak memory",
  "1,000 images, found by mDNS after a restart",
  "10,000 images, one change is seen",
  "512 MiB fetched and verified",
];

/** What README shows of all. */
export function headlines(rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ name }) => HEADLINES.includes(name));
}

/** Rows as a table of Markdown, as `deno fmt` writes one. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) =>
    [
      `${row.name}, ${row.unit}`,
      row.ours === undefined ? "not measured" : rounded(row.ours),
      besideOf(row),
      wantedOf(row),
      // The bar of "curl | openssl" would begin a cell.
    ].map((text) => text.replaceAll("|", "\\|"))
  );
  const head = ["", "plasm", "beside", "wanted"];
  const widths = head.map((title, column) =>
    Math.max(
      3,
      ...[title, ...cells.map((row) => row[column] ?? "")].map(
        (text) => text.length,
      ),
    )
  );
  const line = (texts: readonly string[]) =>
    `| ${
      texts.map((text, column) =>
        column === 1
          ? text.padStart(widths[column] ?? 0)
          : text.padEnd(widths[column] ?? 0)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, column) =>
    column === 1 ? `${"-".repeat(width - 1)}:` : "-".repeat(width)
  );
  return [line(head), line(rule), ...cells.map(line)].join("\n");
}

/** The other programs, and how much of each ours is. */
function besideOf(row: Row): string {
  return Object.entries(row.others).map(([program, value]) => {
    const ratio = ratioTo(row, program);
    const share = ratio === undefined ? "" : ` (${ratio.toFixed(2)})`;
    return `${program} ${rounded(value)}${share}`;
  }).join("; ");
}

/** Why figures are missing, each reason once. */
export function absences(rows: readonly Row[]): string[] {
  const byReason = new Map<string, string>();
  for (const { name, skipped } of rows) {
    for (const [program, reason] of Object.entries(skipped)) {
      const text = `${program}: ${reason}`;
      byReason.set(text, byReason.get(text) ?? name);
    }
  }
  return [...byReason].map(([text, name]) => `${name}, ${text}`);
}

function wantedOf(row: Row): string {
  return FLOORS.filter((floor) => floor.row === row.name).map((floor) => {
    const measure = measureOf(row, floor);
    const { atLeast = -Infinity, atMost = Infinity } = floor;
    const isMet = measure === undefined ||
      (measure >= atLeast && measure <= atMost);
    return `${wantedBy(floor)}${isMet ? "" : ", missed"}`;
  }).join("; ");
}

/**
 * A document with something else between its two marks.
 *
 * @returns undefined where it has no marks
 */
export function withTable(
  markdown: string,
  table: string,
): string | undefined {
  const begin = markdown.indexOf(BEGIN);
  const end = markdown.indexOf(END, begin);
  if (begin < 0 || end < 0) return undefined;
  const [before, after] = [begin + BEGIN.length, end];
  return `${markdown.slice(0, before)}\n\n${table}\n\n${markdown.slice(after)}`;
}
