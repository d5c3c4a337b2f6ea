import assert from "node:assert/strict";
import { FINDING_CODES, pageOf } from "../../lib/doctor/finding.ts";

Deno.test("docs/troubleshooting.md has a whole section for each finding, in their order", async () => {
  const page = await Deno.readTextFile(
    new URL("../../docs/troubleshooting.md", import.meta.url),
  );
  const sections = page.split(/^## /m).slice(1)
    .map((section) => section.split("\n"));
  const byHeading = new Map(
    sections.map(([heading = "", ...lines]) => [heading, lines.join("\n")]),
  );
  assert.deepEqual(
    sections.map(([heading]) => heading).filter((heading) =>
      /^[a-z_]+$/.test(heading ?? "")
    ),
    [...FINDING_CODES],
  );
  for (const code of FINDING_CODES) {
    const text = byHeading.get(code) ?? "";
    for (const part of ["Symptom", "Look closer", "Cause", "Fix"]) {
      assert.match(text, new RegExp(`^\\*\\*${part}:\\*\\* \\S`, "m"), code);
    }
  }
  assert.equal(pageOf("disk_full"), "docs/troubleshooting.md#disk_full");
});

Deno.test("every kind of finding is made by a check", async () => {
  const folder = new URL("../../lib/doctor/", import.meta.url);
  let source = "";
  for await (const { name } of Deno.readDir(folder)) {
    if (name === "finding.ts") continue;
    source += await Deno.readTextFile(new URL(name, folder));
  }
  for (const code of FINDING_CODES) {
    assert.ok(source.includes(`"${code}"`), code);
  }
});
