import assert from "node:assert/strict";
import { Bell } from "../../lib/core/bell.ts";
import { openScrub } from "../../lib/provider/open_scrub.ts";
import {
  machine,
  openLibrary,
  served,
  STABLE,
} from "../support/memory_library.ts";

const { signal } = new AbortController();
const TIME = "2026-11-22T10:00:00Z";

Deno.test("openScrub() has an image read again whose content differs, under a new manifest", async () => {
  const parts = machine();
  const { fileSystem, clock, logger } = parts;
  fileSystem.file(`${STABLE}/vmlinuz`, "kernel", {
    modified: TIME,
    changed: "2026-11-22T10:00:01Z",
  });
  const library = openLibrary(parts);
  const before = await served(library);
  const bell = new Bell();
  await using scrub = openScrub(library, parts, { bell });
  fileSystem.overwrite(
    `${STABLE}/vmlinuz`,
    "KERNEL",
    TIME,
    "2026-11-22T10:00:01Z",
  );
  await library.look({ signal });
  assert.equal(
    library.images()[0]?.manifest.sha256,
    before.manifest.sha256,
    "nothing tells of it",
  );
  await clock.advance(61_000);
  assert.equal(scrub.progress.differingCount, 1);
  assert.match(
    logger.lines.join("\n"),
    /WARN "[^"]*vmlinuz" has other content/,
  );
  assert.ok(await bell.wait(clock, 1, { signal }), "looked at again at once");
  const kernel = before.artifacts.get("kernel");
  assert.equal(kernel?.reading?.isRefuted, true, "refused to clients");
  const after = await served(library);
  assert.notEqual(after.artifacts.get("kernel")?.sha256, kernel?.sha256);
  assert.ok(after.manifestVersion > before.manifestVersion);
});
