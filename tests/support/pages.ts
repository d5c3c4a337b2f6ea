/**
 * Documents as tests read them: what is fenced in them, and where their links
 * lead. CONTRIBUTING.md says how fences are marked.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** The repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What stands between two lines of backticks. */
export interface Fence {
  /** Of the opening backticks, from 1. */
  readonly line: number;
  /** All that stands behind them, such as `bash elsewhere`. */
  readonly mark: string;
  /** Without the indentation of a list. */
  readonly text: string;
  /** Of the heading `## Day N` above; 0 where there is none. */
  readonly day: number;
}

/** How commands of a page are run. */
export type StepKind =
  /** To their end, one after the other in one shell. */
  | "runs"
  /** In the background, from there to the end of the page. */
  | "stays"
  /** Not here. */
  | "elsewhere";

/** Commands of a page, and what they say. */
export interface PageStep {
  /** Of the fence. */
  readonly line: number;
  /** Days since the beginning. */
  readonly day: number;
  /** How they are run. */
  readonly kind: StepKind;
  /** For bash. */
  readonly commands: string;
  /** Lines of the output in their order, with `...` for any text. */
  readonly says: readonly string[];
}

const KINDS = new Map<string, StepKind>([
  ["bash", "runs"],
  ["bash stays", "stays"],
  ["bash elsewhere", "elsewhere"],
]);

/** What is shown only. */
const SHOWN = ["console", "ini", "json", "python", "toml", "yaml"];

/** Every fence of a document, in order. */
export function readFences(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let day = 0;
  let open: { line: number; indent: string; mark: string } | undefined;
  let text: string[] = [];
  for (const [index, line] of markdown.split("\n").entries()) {
    const [, indent = "", mark] = /^( *)```(.*)$/.exec(line) ?? [];
    const [, heading] = /^## Day (\d+)/.exec(line) ?? [];
    if (open === undefined) {
      if (heading !== undefined) {
        assert.ok(Number(heading) >= day, `day ${heading} is over`);
        day = Number(heading);
      }
      if (mark === undefined) continue;
      open = { line: index + 1, indent, mark: mark.trim() };
      text = [];
    } else if (mark === "" && indent === open.indent) {
      const { line, mark } = open;
      fences.push({ line, mark, text: text.join("\n"), day });
      open = undefined;
    } else {
      text.push(
        line.startsWith(open.indent) ? line.slice(open.indent.length) : line,
      );
    }
  }
  assert.equal(open, undefined, `line ${open?.line} opens a fence for good`);
  return fences;
}

/**
 * The commands of a page, each with what it says.
 *
 * @throws AssertionError for a fence that is not marked as CONTRIBUTING.md says
 */
export function readPage(markdown: string): PageStep[] {
  const steps: PageStep[] = [];
  let before: string | undefined;
  for (const { line, mark, text, day } of readFences(markdown)) {
    const kind = KINDS.get(mark);
    if (kind !== undefined) {
      steps.push({ line, day, kind, commands: text, says: [] });
    } else if (mark === "text") {
      const last = steps.pop();
      assert.ok(
        last !== undefined && before?.startsWith("bash"),
        `line ${line}: no command says this; what is shown only is "console"`,
      );
      steps.push({ ...last, says: text.split("\n") });
    } else {
      assert.ok(SHOWN.includes(mark), `line ${line}: a fence marked "${mark}"`);
    }
    before = mark;
  }
  return steps;
}

/** The programs that a page says it needs: `<!-- needs: dnsmasq nginx -->`. */
export function neededPrograms(markdown: string): string[] {
  const [, names = ""] = /^<!-- needs: (.*) -->$/m.exec(markdown) ?? [];
  return names.split(" ").filter((name) => name !== "");
}

/** Markdown without its fences. */
function prose(markdown: string): string {
  return markdown.replace(/^( *)```[\s\S]*?^\1```$/gm, "");
}

/** Where the links of a document lead, as they are written. */
export function linksOf(markdown: string): string[] {
  return [...prose(markdown).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target);
}

/** The names that links to headings have at GitHub. */
export function anchorsOf(markdown: string): string[] {
  const seen = new Map<string, number>();
  return [...prose(markdown).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => {
    const slug = title.toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[^\p{L}\p{N}\-_ ]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** Every document of the repository, by its path from there. */
export async function allDocuments(): Promise<Map<string, string>> {
  const documents = new Map<string, string>();
  const read = async (directory: string) => {
    for await (const { name, isDirectory } of Deno.readDir(ROOT + directory)) {
      const path = directory + name;
      if (isDirectory && !SKIPPED.includes(name) && !name.startsWith(".")) {
        await read(`${path}/`);
      } else if (name.endsWith(".md")) {
        documents.set(path, await Deno.readTextFile(ROOT + path));
      }
    }
  };
  await read("");
  return new Map([...documents].sort());
}

/** What is not ours, or made. */
const SKIPPED = ["coverage", "dist", "node_modules"];
