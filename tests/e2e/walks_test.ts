/**
 * The walks of `docs/`, day 31, year 2 and the change of a provider's own key,
 * as commands for the shipped programs: with the clock moved from day to day,
 * no box refuses, and every warning comes in time.
 */
import assert from "node:assert/strict";
import { findFaketime } from "../support/faketime.ts";
import { labObstacle, NetworkLab } from "../support/network_lab.ts";
import { missingLines, readWalk, runWalk } from "../support/walk.ts";

const DOCS = new URL("../../docs/", import.meta.url);

const faketime = findFaketime();
const obstacle = labObstacle(["bash", "curl", "unshare"]) ??
  (faketime === undefined ? "not installed: libfaketime" : undefined);

for (const walk of ["day-31", "own-key", "year-2"]) {
  Deno.test({
    name: `the walk of docs/${walk}.md` +
      (obstacle === undefined ? "" : ` (skipped: ${obstacle})`),
    ignore: obstacle !== undefined,
    timeout: 600_000,
    async fn() {
      const steps = readWalk(
        await Deno.readTextFile(new URL(`${walk}.md`, DOCS)),
      );
      assert.ok(steps.length > 5, `${steps.length} steps`);
      await using lab = await NetworkLab.open();
      await runWalk(await lab.host(), faketime ?? "", steps);
    },
  });
}

Deno.test("readWalk() reads days, commands and what they say, and nothing that would not be run", () => {
  const bash = (text: string) => `\`\`\`bash\n${text}\n\`\`\`\n`;
  const says = "```text\nb\nc ...\n```\n";
  assert.deepEqual(
    readWalk(`# A\n## Day 0\n${bash("a\nb")}${says}## Day 3: x\n${bash("c")}`),
    [
      { day: 0, commands: "a\nb", says: ["b", "c ..."] },
      { day: 3, commands: "c", says: [] },
    ],
  );
  for (
    const wrong of [
      bash("a"),
      `## Day 3\n## Day 2\n`,
      `## Day 0\n${says}`,
      `## Day 0\n${bash("a")}${says}${says}`,
      `## Day 0\n${bash("a").replace("bash", "sh")}`,
    ]
  ) assert.throws(() => readWalk(wrong), assert.AssertionError, wrong);
});

Deno.test("missingLines() wants every line whole, in its order", () => {
  const output = ["one", "two (2)", "three"];
  assert.deepEqual(missingLines(output, ["one", "two (...)", "three"]), []);
  assert.deepEqual(missingLines(output, ["two", "th...", "one"]), [
    "two",
    "one",
  ]);
});
