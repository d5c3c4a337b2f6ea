import assert from "node:assert/strict";
import { usualLoaders } from "../../lib/pxe/usual_loaders.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

Deno.test("the directory of the first package that is installed is taken", async () => {
  const fileSystem = new MemoryFileSystem();
  assert.equal(await usualLoaders(fileSystem), "/usr/lib/ipxe");
  fileSystem.file("/usr/share/ipxe/ipxe-snponly-x86_64.efi", "loader");
  assert.equal(await usualLoaders(fileSystem), "/usr/share/ipxe");
  fileSystem.file("/usr/lib/ipxe/snponly.efi", "loader");
  assert.equal(await usualLoaders(fileSystem), "/usr/lib/ipxe");
});
