import assert from "node:assert/strict";
import { ContentChecks } from "../../../lib/http/artifacts/content_checks.ts";
import { hashedArtifact } from "../../support/memory_catalog.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";

const PATH = "/srv/vmlinuz";

for (
  const [content, isSame] of [["same content", true], ["SAME CONTENT", false]]
) {
  Deno.test(`ContentChecks reads a file once for all: ${content}`, async () => {
    const fs = new MemoryFileSystem().file(PATH, "same content");
    const artifact = await hashedArtifact(fs, PATH);
    fs.file(PATH, `${content}`, { modified: "2026-11-22T11:00:00Z" });
    using file = await fs.open(PATH);
    const info = file.info();
    const checks = new ContentChecks();
    const ask = () => checks.hasSameContent(artifact, file, info);
    fs.readBytes = 0;
    assert.deepEqual(
      await Promise.all([ask(), ask(), ask()]),
      [isSame, isSame, isSame],
    );
    assert.equal(await ask(), isSame);
    assert.equal(fs.readBytes, info.sizeBytes);
    assert.equal(fs.openCount, 1, "left open for its owner");
    fs.overwrite(PATH, "same content", "2026-11-22T12:00:00Z");
    assert.equal(
      await checks.hasSameContent(artifact, file, file.info()),
      true,
      "another time is another question",
    );
  });
}
