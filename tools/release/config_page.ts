import { optionSpellings } from "../../lib/config/option_table.ts";
import {
  ALL_SETTINGS,
  type Setting,
  SETTING_OPTIONS,
} from "../../lib/config/settings.ts";
import {
  bold,
  entry,
  escapeRoff,
  type PageTitle,
  paragraph,
  section,
  titleLine,
} from "./roff.ts";

const PATHS = [
  "--config FILE",
  "$PLASM_CONFIG",
  "./plasmd.toml",
  "~/.config/plasm/provider.toml",
  "/etc/plasm/provider.toml",
];
/** A key, set or commented out. */
const KEY = /^(?:# )?([a-z][a-z0-9_]*) = (.+)$/;
/** The header of a table, in use or commented out. */
const HEADER = /^(?:# )?(\[\[?[a-z_.]+\]\]?)$/;

/**
 * The page of the configuration file in section 5: each key with what
 * `examples/provider.toml` says of it, and the rows of `SETTINGS` besides.
 *
 * @param example the text of that file
 * @returns lines that end with a line break
 */
export function renderConfigPage(
  example: string,
  title: Pick<PageTitle, "version" | "releasedAtMs">,
): string {
  const [, ...texts] = example.trim().split(/\n\n+/);
  let table = "";
  const keys = texts.map(readBlock).flatMap((block) => {
    table = block.header?.replaceAll(/[[\]]/g, "") ?? table;
    return renderBlock(block, table);
  });
  return [
    titleLine({ ...title, name: "provider.toml", section: 5 }),
    ...section("Name", [
      "provider.toml \\- configuration of plasmd(1)",
    ]),
    ...section(
      "Synopsis",
      PATHS.flatMap((path, i) => [
        ...i === 0 ? [] : [".br"],
        bold(path),
      ]),
    ),
    ...section("Description", [
      ...paragraph(
        "A file in TOML, the first of these that exists. Options of the command line win over it, and it wins over what is built in. Relative paths are relative to the directory of the file. A key that is not known is refused, with the nearest one that is. Each key is shown with its default, or with an example where there is none.",
      ),
    ]),
    ...keys,
    ...section("See also", ["\\fBplasmd\\fR(1),\n\\fBphase_discover\\fR(1)"]),
    "",
  ].join("\n");
}

/** A paragraph of the example file. */
interface Block {
  /** The header in it, if any: `[pxe]`. */
  readonly header: string | undefined;
  /** What it says before its header. */
  readonly intro: readonly string[];
  /** What it says of its keys. */
  readonly said: readonly string[];
  /** Keys with what they are set to. */
  readonly keys: readonly (readonly [name: string, value: string])[];
}

function readBlock(text: string): Block {
  let header: string | undefined;
  let intro: string[] = [];
  let said: string[] = [];
  const keys: [string, string][] = [];
  for (const line of text.split("\n")) {
    const found = HEADER.exec(line)?.[1];
    const [, name, value = ""] = KEY.exec(line) ?? [];
    if (found !== undefined) {
      header = found;
      intro = said;
      said = [];
    } else if (name !== undefined) {
      const [shown = "", remark] = value.split(/ {2,}# /);
      keys.push([name, shown]);
      if (remark !== undefined) said.push(`${name}: ${remark}.`);
    } else said.push(line.replace(/^# /, ""));
  }
  return { header, intro, said, keys };
}

/** @param table where the keys of the block are, as in `SETTINGS` */
function renderBlock(
  { header, intro, said, keys }: Block,
  table: string,
): string[] {
  const head = header === undefined
    ? []
    : [`.SH ${escapeRoff(header)}`, ...sentences(intro)];
  if (keys.length === 0) return [...head, ...sentences(said)];
  const remarks = keys.flatMap(([name]) => {
    const remark = remarksOn(table, name);
    if (remark === "") return [];
    return keys.length === 1 ? [`(${remark}.)`] : [`(${name}: ${remark}.)`];
  });
  return [
    ...head,
    ...entry(
      keys.map(([name, value]) => bold(`${name} = ${value}`)),
      [sentence(said), ...remarks].join(" ").trim(),
    ),
  ];
}

/** Lines of a comment, which has no period at its end. */
function sentence(lines: readonly string[]): string {
  const text = lines.join(" ");
  return text === "" || text.endsWith(".") ? text : `${text}.`;
}

function sentences(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : paragraph(sentence(lines));
}

function remarksOn(table: string, name: string): string {
  const setting = ALL_SETTINGS.find((row) =>
    row.table === table && row.name === name
  );
  if (setting === undefined) return "";
  const { isLive, flag } = setting;
  const remarks = [
    rangeOf(setting),
    flag === undefined ? "" : `as option ${spellingOf(flag)}`,
    isLive ? "read again at SIGHUP" : "",
  ].filter((remark) => remark !== "");
  return remarks.join(", ");
}

function rangeOf(setting: Setting): string {
  if (setting.type !== "integer") return "";
  const { min, max, unit } = setting;
  const range = max === Number.MAX_SAFE_INTEGER
    ? `${min} or more`
    : `${min} to ${max}`;
  return unit === undefined ? range : `${range} ${unit}`;
}

function spellingOf(flag: string): string {
  const [, option] = Object.entries(SETTING_OPTIONS)
    .find(([key]) => key === flag) ?? [];
  const [spelling] = option === undefined ? [] : optionSpellings(flag, option);
  return spelling ?? flag;
}
