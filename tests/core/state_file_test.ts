import assert from "node:assert/strict";
import { FileNotFoundError } from "../../lib/core/file_system.ts";
import { refuseNewerState, setAside } from "../../lib/core/state_file.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const FILE = { path: "/state/x.json", loss: "all is read again" };

Deno.test("refuseNewerState() names the file, and what becomes of it", () => {
  assert.throws(() => refuseNewerState('{"format":3,"a":1}', 2, FILE), {
    name: "UserError",
    message:
      'Cannot use "/state/x.json": a newer version of this program wrote it (format 3, this one knows 2); run that version, or delete the file, after which all is read again',
  });
  assert.throws(() => refuseNewerState('{\n  "format": 12\n}', 2, FILE));
});

Deno.test("refuseNewerState() lets everything else pass, which others judge", () => {
  const texts = ['{"format":2}', '{"format":1}', "{}", "", "[]", '"format":9'];
  for (const text of texts) refuseNewerState(text, 2, FILE);
});

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
