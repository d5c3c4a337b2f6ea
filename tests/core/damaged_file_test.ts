import assert from "node:assert/strict";
import { setAside } from "../../lib/core/damaged_file.ts";
import { FileNotFoundError } from "../../lib/core/file_system.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

Deno.test("setAside() moves a file beside its place, and keeps the last of several", async () => {
  const fs = new MemoryFileSystem();
  for (const content of ["one", "two"]) {
    fs.file("/state/dht.json", content);
    assert.equal(
      await setAside("/state/dht.json", fs),
      "/state/dht.json.damaged",
    );
    await assert.rejects(fs.stat("/state/dht.json"), FileNotFoundError);
    assert.equal(await fs.readText("/state/dht.json.damaged"), content);
  }
});
