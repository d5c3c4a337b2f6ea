/** Every document of the repository: its fences, links and tasks. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import { parse } from "smol-toml";
import config from "../../deno.json" with { type: "json" };
import { commandOutput } from "../support/command_output.ts";
import {
  allDocuments,
  anchorsOf,
  linksOf,
  readFences,
  readPage,
  ROOT,
} from "../support/pages.ts";

const documents = await allDocuments();

Deno.test("every fence of a document is marked, and what it holds is whole", async () => {
  assert.ok(documents.size > 8);
  for (const [path, markdown] of documents) {
    const where = (line: number) => `${path}:${line}`;
    assert.doesNotThrow(() => readPage(markdown), path);
    for (const { line, mark, text } of readFences(markdown)) {
      if (mark === "json") {
        assert.doesNotThrow(() => JSON.parse(text), where(line));
      }
      if (mark === "toml") assert.doesNotThrow(() => parse(text), where(line));
      if (mark.startsWith("bash")) {
        await commandOutput("bash", ["-n", "-c", text]).catch((error) =>
          assert.fail(`${where(line)}: ${error}`)
        );
      }
    }
  }
});

Deno.test("every link between documents leads to a file, and a heading of it", async () => {
  let count = 0;
  for (const [path, markdown] of documents) {
    for (const target of linksOf(markdown)) {
      if (/^(https?|mailto):/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const to = file === "" ? path : normalize(join(dirname(path), file));
      await Deno.stat(ROOT + to).catch(() =>
        assert.fail(`${path}: nothing at ${target}`)
      );
      count++;
      if (anchor === undefined) continue;
      const headings = anchorsOf(documents.get(to) ?? "");
      assert.ok(headings.includes(anchor), `${path}: no heading at ${target}`);
    }
  }
  assert.ok(count > 20, `${count} links`);
});

Deno.test("every task that a document names is one of deno.json", () => {
  const tasks = Object.keys(config.tasks);
  for (const [path, markdown] of documents) {
    if (path === "CHANGELOG.md") continue; // tells of what was
    for (const [, name = ""] of markdown.matchAll(/\btask ([a-z][\w:-]*)/g)) {
      assert.ok(tasks.includes(name), `${path}: deno task ${name}`);
    }
  }
});

Deno.test("readPage() reads days, commands and what they say, and nothing that would not be run", () => {
  const fence = (mark: string, text: string) =>
    `\`\`\`${mark}\n${text}\n\`\`\`\n`;
  const says = fence("text", "b\nc ...");
  const step = { kind: "runs", says: [] };
  assert.deepEqual(
    readPage(
      `# A\n${fence("bash elsewhere", "z")}## Day 0\n${fence("bash", "a\nb")}` +
        `${says}- item\n\n  \`\`\`bash stays\n  d\n    e\n  \`\`\`\n` +
        `${fence("toml", "## Day 9")}## Day 3: x\n${fence("bash", "c")}`,
    ),
    [
      { ...step, line: 2, day: 0, kind: "elsewhere", commands: "z" },
      { ...step, line: 6, day: 0, commands: "a\nb", says: ["b", "c ..."] },
      { ...step, line: 16, day: 0, kind: "stays", commands: "d\n  e" },
      { ...step, line: 24, day: 3, commands: "c" },
    ],
  );
  for (
    const wrong of [
      "## Day 3\n## Day 2\n",
      says,
      fence("bash", "a") + says + says,
      fence("toml", "a = 1") + says,
      fence("sh", "a"),
      fence("", "a"),
      fence("bash here", "a"),
      "```bash\na\n",
    ]
  ) assert.throws(() => readPage(wrong), assert.AssertionError, wrong);
});

Deno.test("anchorsOf() names headings as GitHub does", () => {
  assert.deepEqual(
    anchorsOf(
      "# Fetch: `--fetch DIR`\n## A, b & c\n## [x](y.md) z\n## A, b & c\n" +
        "```bash\n# none\n```\n",
    ),
    ["fetch---fetch-dir", "a-b--c", "x-z", "a-b--c-1"],
  );
});
