/**
 * What pages of docs/ repeat of the code, between `<!-- NAME -->` and
 * `<!-- /NAME -->`. To write it anew:
 *
 *     deno run -A tests/tools/references.ts && deno fmt docs
 */
import assert from "node:assert/strict";
import { renderHelp } from "../../lib/config/command_help.ts";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import {
  optionSpellings,
  type Program,
} from "../../lib/config/option_table.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import {
  ALL_SETTINGS,
  type Setting,
  SETTING_OPTIONS,
} from "../../lib/config/settings.ts";
import { allMetrics } from "../support/all_metrics.ts";
import { ROOT } from "../support/pages.ts";

/** A part of a page. */
export interface Reference {
  /** From the repository. */
  readonly page: string;
  /** Of its marks. */
  readonly name: string;
  /** Markdown, before it is formatted. */
  readonly text: string;
}

/** Every part that repeats the code. */
export async function references(): Promise<Reference[]> {
  const programs: Program[] = [PLASMD_PROGRAM, DISCOVER_PROGRAM];
  return [
    {
      page: "docs/cli.md",
      name: "commands",
      text: programs.flatMap(commandSections).join("\n\n"),
    },
    {
      page: "docs/configuration.md",
      name: "settings",
      text: table(
        ["Key", "Default", "Option", "SIGHUP"],
        ALL_SETTINGS.map(settingRow),
      ),
    },
    {
      page: "docs/http.md",
      name: "metrics",
      text: table(["Metric", "What it is"], metricRows(await allMetrics())),
    },
  ];
}

function commandSections(program: Program): string[] {
  return Object.keys(program.commands).map((command) => {
    const help = renderHelp(program, command).trimEnd();
    const title = `${program.name} ${command}`.trimEnd();
    return `## ${title}\n\n\`\`\`console\n${help}\n\`\`\``;
  });
}

function settingRow(setting: Setting): string[] {
  const { table, name, flag, isLive } = setting;
  const options = new Map(Object.entries(SETTING_OPTIONS));
  const option = flag === undefined ? undefined : options.get(flag);
  const spellings = flag === undefined || option === undefined
    ? []
    : optionSpellings(flag, option);
  return [
    `\`[${table}] ${name}\``,
    setting.default === undefined ? "" : code(JSON.stringify(setting.default)),
    spellings.map(code).join(", "),
    isLive ? "applied" : "",
  ];
}

function metricRows(metrics: string): string[][] {
  return [...metrics.matchAll(/^# HELP (\w+) (.*)$/gm)]
    .map(([, name = "", help = ""]) => [code(name), help]);
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/**
 * Finds where a part stands in its page.
 *
 * @returns what is before it, it, and what is behind it
 */
export function splitAt(
  markdown: string,
  name: string,
): readonly [before: string, part: string, behind: string] {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const from = markdown.indexOf(begin) + begin.length;
  const to = markdown.indexOf(end);
  assert.ok(from >= begin.length && to >= from, `no part called ${name}`);
  return [
    markdown.slice(0, from),
    markdown.slice(from, to),
    markdown.slice(to),
  ];
}

if (import.meta.main) {
  for (const { page, name, text } of await references()) {
    const [before, , behind] = splitAt(
      await Deno.readTextFile(ROOT + page),
      name,
    );
    await Deno.writeTextFile(ROOT + page, `${before}\n${text}\n\n${behind}`);
  }
}
