/**
 * README and the pages of `docs/`: their commands as they stand, for the
 * shipped programs. In walks such as day 31 and year 2 the clock is moved from
 * day to day: no box refuses, and every warning comes in time.
 */
import assert from "node:assert/strict";
import { findFaketime } from "../support/faketime.ts";
import { labObstacle, NetworkLab } from "../support/network_lab.ts";
import { allDocuments, neededPrograms, readPage } from "../support/pages.ts";
import { missingLines, runPage } from "../support/run_page.ts";

const faketime = findFaketime();

for (const [path, markdown] of await allDocuments()) {
  if (!/^(README|docs\/[^/]+)\.md$/.test(path)) continue;
  if (!/^ *```bash( stays)?$/m.test(markdown)) continue;
  // It boots a machine: guests/first_boot_test.ts.
  if (path === "docs/first-boot.md") continue;
  const hasDays = /^## Day [1-9]/m.test(markdown);
  const obstacle = labObstacle([
    ...["bash", "curl", "unshare"],
    ...neededPrograms(markdown),
  ]) ??
    (hasDays && faketime === undefined
      ? "not installed: libfaketime"
      : undefined);
  Deno.test({
    name: `the commands of ${path}` +
      (obstacle === undefined ? "" : ` (skipped: ${obstacle})`),
    ignore: obstacle !== undefined,
    timeout: 600_000,
    async fn() {
      await using lab = await NetworkLab.open();
      const lan = await lab.lan("lan");
      const host = await lab.hostOn(lan, "192.168.1.10/24");
      await runPage(host, readPage(markdown), faketime);
    },
  });
}

Deno.test("runPage() fails where a command does, or says something else", async (t) => {
  const obstacle = labObstacle(["bash", "unshare"]);
  await t.step({
    name: obstacle === undefined ? "on a host" : `skipped: ${obstacle}`,
    ignore: obstacle !== undefined,
    async fn() {
      await using lab = await NetworkLab.open();
      const host = await lab.host();
      const run = (markdown: string) => runPage(host, readPage(markdown));
      const fence = (mark: string, text: string) =>
        `\`\`\`${mark}\n${text}\n\`\`\`\n`;
      const says = fence("text", "b");
      await run(
        fence("bash elsewhere", "false") + fence("bash", "a=b; touch /etc/b") +
          fence("bash stays", "echo $a; sleep 60") + says +
          fence("bash", "ls /etc/b > /dev/null; echo $a") + says,
      );
      await assert.rejects(Deno.stat("/etc/b"), Deno.errors.NotFound);
      for (
        const wrong of [
          fence("bash", "false; true"),
          fence("bash", "echo c") + says,
          fence("bash stays", "echo c") + says,
          fence("bash", "echo WARN else > plasmd.log"),
        ]
      ) await assert.rejects(run(wrong), assert.AssertionError, wrong);
    },
  });
});

Deno.test("missingLines() wants every line whole, in its order", () => {
  const output = ["one", "two (2)", "three"];
  assert.deepEqual(missingLines(output, ["one", "two (...)", "three"]), []);
  assert.deepEqual(missingLines(output, ["two", "th...", "one"]), [
    "two",
    "one",
  ]);
});
