/** The references of docs/ say what the code does, and nothing else. */
import assert from "node:assert/strict";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import {
  optionSpellings,
  type Program,
} from "../../lib/config/option_table.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import { allDocuments, readFences, ROOT } from "../support/pages.ts";
import { references, splitAt } from "./references.ts";

/** As it reads, however wide columns are. */
function narrow(markdown: string): string {
  return markdown.replace(/ +/g, " ").replace(/-{3,}/g, "---").trim();
}

Deno.test("what pages repeat of the code is what the code says", async () => {
  for (const { page, name, text } of await references()) {
    const markdown = await Deno.readTextFile(ROOT + page);
    const [, part] = splitAt(markdown, name);
    assert.equal(
      narrow(part),
      narrow(text),
      `${page}: run deno run -A tests/tools/references.ts && deno fmt docs`,
    );
  }
});

Deno.test("docs/http.md has every route, and no other", async () => {
  const routes = await Deno.readTextFile(`${ROOT}lib/http/routes.ts`);
  const [, table = ""] = routes.split("const ROUTES");
  const [list = "", made = ""] = table.split("const MADE_FILES");
  const paths = [...list.matchAll(/^ {2}\["([^"]+)"/gm)].map(([, path = ""]) =>
    path.replace(/:(\w+)(\{\.\+\})?/g, "{$1}")
  );
  const madePaths = [...made.matchAll(/^ {2}\["([^"]+)"/gm)]
    .map(([, file]) => `/{channel}/{arch}/${file}`);
  assert.ok(paths.length > 10 && madePaths.length > 2, routes);
  const page = await Deno.readTextFile(`${ROOT}docs/http.md`);
  assert.deepEqual(
    [...page.matchAll(/^\| `(\/[^`]*)`/gm)].map(([, path]) => path).sort(),
    [...paths, ...madePaths, "/{channel}/{arch}/kernel.efi"].sort(),
  );
});

/** Every option of a program, as it is typed. */
function spellingsOf({ options, commands }: Program): string[] {
  return [{ options }, ...Object.values(commands)].flatMap(({ options }) =>
    Object.entries(options)
      .flatMap(([key, option]) => optionSpellings(key, option))
  );
}

Deno.test("every option that a command in a document has is one of the program's", async () => {
  const known = new Map<string, ReadonlySet<string>>(
    [PLASMD_PROGRAM, DISCOVER_PROGRAM].map((program) => [
      program.name,
      new Set([...spellingsOf(program), "--help", "--version"]),
    ]),
  );
  let count = 0;
  for (const [path, markdown] of await allDocuments()) {
    const texts = readFences(markdown).filter(({ mark }) =>
      mark.startsWith("bash")
    ).map(({ text }) => text.replaceAll("\\\n", " "));
    for (const line of texts.flatMap((text) => text.split("\n"))) {
      const [, name = "", rest = ""] =
        /\b(plasmd|phase_discover) ([^|;)]*)/.exec(line) ?? [];
      for (const [option] of rest.matchAll(/(?<=^| )--[a-z][a-z0-9-]*/g)) {
        count++;
        assert.ok(known.get(name)?.has(option), `${path}: ${name} ${option}`);
      }
    }
  }
  assert.ok(count > 50, `${count} options`);
});
