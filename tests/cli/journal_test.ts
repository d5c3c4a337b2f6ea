import assert from "node:assert/strict";
import { isJournal, journalLine } from "../../lib/cli/journal.ts";
import { ExitCode } from "../../lib/core/exit_code.ts";
import { run } from "../support/programs.ts";

Deno.test("the journal is told the level of a line", () => {
  assert.equal(journalLine("error", "ERROR x"), "<3>ERROR x");
  assert.equal(journalLine("warn", "WARN x"), "<4>WARN x");
  assert.equal(journalLine("info", "INFO x"), "<6>INFO x");
  assert.equal(journalLine("debug", "DEBUG x"), "<7>DEBUG x");
});

Deno.test("standard error is the journal if device and inode are those that systemd says", () => {
  const stat = () => ({ dev: 8, ino: 11921 });
  assert.equal(isJournal("8:11921", stat), true);
  assert.equal(isJournal("8:11922", stat), false);
  assert.equal(isJournal("", stat), false);
  assert.equal(isJournal(undefined, assert.fail), false);
});

const UNDER_SYSTEMD =
  'JOURNAL_STREAM=$(stat -Lc %d:%i "/dev/$0") && export JOURNAL_STREAM && exec "$@"';

for (
  const [stream, line] of [
    ["stderr", /^<3>ERROR .*\n$/],
    // A unit's other stream: standard error is handed to another program.
    ["stdin", /^ERROR .*\n$/],
  ] as const
) {
  Deno.test(`plasmd where the journal is on ${stream} writes ${line}`, async () => {
    const { code, stderr } = await run("plasmd", [
      ...["serve", "--config", "/nowhere.toml"],
    ], { prefix: ["sh", "-c", UNDER_SYSTEMD, stream] });
    assert.equal(code, ExitCode.usage);
    assert.match(stderr, line);
  });
}
