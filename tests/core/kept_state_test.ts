import assert from "node:assert/strict";
import { keepState } from "../../lib/core/kept_state.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

function open() {
  const fileSystem = new MemoryFileSystem().directory("/state");
  const logger = new MemoryLogger();
  const file = { fileSystem, path: "/state/x.json", logger };
  const closing = new AbortController();
  return { file, fileSystem, logger, closing, clock: new FakeClock() };
}

Deno.test("keepState() writes each minute what has changed, and at the end", async () => {
  const { file, fileSystem, clock, closing } = open();
  let text = "one";
  const { signal } = closing;
  const what = "it";
  const kept = keepState(file, { what, current: () => text, clock, signal });
  await clock.advance(60_000);
  assert.equal(await fileSystem.readText(file.path), "one");
  const { inode } = await fileSystem.stat(file.path);
  await clock.advance(60_000);
  assert.equal((await fileSystem.stat(file.path)).inode, inode, "unchanged");
  text = "two";
  closing.abort();
  await kept;
  assert.equal(await fileSystem.readText(file.path), "two");
  assert.equal(clock.pending, 0);
});

Deno.test("keepState() warns once of what it cannot write, by its name", async () => {
  const { file, fileSystem, logger, clock, closing } = open();
  fileSystem.remove("/state");
  const { signal } = closing;
  const kept = keepState(file, {
    ...{ what: "the list", current: () => "x", clock, signal },
  });
  await clock.advance(180_000);
  closing.abort();
  await kept;
  assert.equal(logger.lines.length, 1);
  assert.match(
    logger.lines[0] ?? "",
    /^WARN Cannot save the list for the next start: /,
  );
});
