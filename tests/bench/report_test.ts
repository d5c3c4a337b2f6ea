import assert from "node:assert/strict";
import { OURS, single } from "./part.ts";
import { absences, headlines, tableOf, withTable } from "./report.ts";

const ROWS = [
  {
    ...single("1 MiB ranges, 4 connections", "MiB/s", 2500),
    others: { nginx: 5000, "curl | openssl": 1250 },
    skipped: { caddy: "not installed" },
  },
  {
    ...single("memory of a fetch", "MiB", 60),
    skipped: { caddy: "not installed" },
  },
];

Deno.test("the table has figures, shares of others, and what is wanted", () => {
  const [head, rule, first, second] = tableOf(ROWS).split("\n")
    .map((line) => line.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---"));
  assert.equal(head, "| | plasm | beside | wanted |");
  assert.equal(rule, "| --- | ---: | --- | --- |");
  assert.equal(
    first,
    "| 1 MiB ranges, 4 connections, MiB/s | 2500 | " +
      "nginx 5000 (0.50); curl \\| openssl 1250 (2.00) | " +
      ">= 0.7 of nginx, missed |",
  );
  assert.equal(second, "| memory of a fetch, MiB | 60 | | <= 120 |");
});

Deno.test("a row without our figure says so, and each reason is given once", () => {
  const { ours: _, ...failed } = single("a", "ms", 0);
  const none = { ...failed, skipped: { [OURS]: "no | time" } };
  assert.match(tableOf([none]), /\| a, ms\s+\| not measured \|/);
  assert.deepEqual(absences([...ROWS, none]), [
    "1 MiB ranges, 4 connections, caddy: not installed",
    "a, plasm: no | time",
  ]);
  assert.deepEqual(headlines(ROWS), ROWS.slice(0, 1));
});

Deno.test("a table replaces what is between the marks, and only that", () => {
  const document = "# A\n\n<!-- bench -->\nold\n<!-- /bench -->\n\nrest\n";
  const written = "# A\n\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\n\nrest\n";
  assert.equal(withTable(document, "new"), written);
  assert.equal(withTable(written, "new"), written);
  assert.equal(withTable("# A\n<!-- bench -->\n", "new"), undefined);
});
