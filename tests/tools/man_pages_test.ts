import assert from "node:assert/strict";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import {
  optionSpellings,
  type Program,
} from "../../lib/config/option_table.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import { ALL_SETTINGS } from "../../lib/config/settings.ts";
import { manPages } from "../../tools/release/man_pages.ts";
import { escapeRoff } from "../../tools/release/roff.ts";

const pages = manPages(
  await Deno.readTextFile(
    new URL("../../examples/provider.toml", import.meta.url),
  ),
  "1.2.3",
);

/** The lines of a page from a heading to the next of its kind. */
function part(page: string, macro: string, heading: string): string {
  const text = pages.get(page) ?? "";
  const start = text.indexOf(`.${macro} ${heading}`);
  assert.ok(start >= 0, `${page} has no ${heading}`);
  const end = text.indexOf(`\n.${macro} `, start);
  return text.slice(start, end < 0 ? undefined : end);
}

for (const program of [PLASMD_PROGRAM, DISCOVER_PROGRAM] as Program[]) {
  Deno.test(`${program.name}.1 has every command and option of the table`, () => {
    for (const [words, { options }] of Object.entries(program.commands)) {
      const text = words === ""
        ? part(`${program.name}.1`, "SH", "OPTIONS\n")
        : part(`${program.name}.1`, "SS", `\\fB${program.name} ${words}\\fR`);
      for (const [key, option] of Object.entries(options)) {
        const [spelling = ""] = optionSpellings(key, option);
        assert.ok(
          text.includes(`.TP\n\\fB${escapeRoff(spelling)}\\fR`),
          spelling,
        );
        assert.ok(
          text.includes(escapeRoff(option.help.slice(1, 30))),
          spelling,
        );
      }
    }
  });
}

Deno.test("provider.toml.5 has every setting, in its table", () => {
  for (const { table, name } of ALL_SETTINGS) {
    assert.match(
      part("provider.toml.5", "SH", `[${table}]\n`),
      new RegExp(`^\\\\fB${name} = `, "m"),
      `${table}.${name}`,
    );
  }
  assert.match(
    part("provider.toml.5", "SH", "[[machines]]\n"),
    /\\fBserial|\\fBmac = /,
  );
});

Deno.test("pages say which version they are of, and every exit code", () => {
  for (const [name, text] of pages) {
    assert.match(text, /^\.TH "\S+" [15] "2\d{3}-\d\d-\d\d" "plasm 1\.2\.3" "/);
    assert.ok(text.endsWith("\n") && !text.endsWith("\n\n"), name);
  }
  for (const code of [0, 1, 2, 3, 4, 5, 6, 130]) {
    assert.ok(part("plasmd.1", "SH", "EXIT").includes(`\\fB${code}\\fR`));
  }
});

Deno.test("what is text stays text", () => {
  assert.equal(
    escapeRoff(".SH 'a' \\n --b"),
    "\\&.SH \\(aqa\\(aq \\en \\-\\-b",
  );
});

const mandoc = await new Deno.Command("mandoc", { args: ["-V"] }).output()
  .then(() => undefined, () => "mandoc is not installed");

Deno.test({
  name: `mandoc finds nothing wrong with the pages${
    mandoc === undefined ? "" : ` (skipped: ${mandoc})`
  }`,
  ignore: mandoc !== undefined,
  fn: async () => {
    for (const [name, text] of pages) {
      const linter = new Deno.Command("mandoc", {
        args: ["-Tlint"],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      await new Blob([text]).stream().pipeTo(linter.stdin);
      const { code, stdout } = await linter.output();
      assert.equal(new TextDecoder().decode(stdout), "", name);
      assert.equal(code, 0, name);
    }
  },
});
