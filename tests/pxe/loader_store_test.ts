import assert from "node:assert/strict";
import { LoaderStore } from "../../lib/pxe/loader_store.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const LOADERS = "/usr/lib/ipxe";

function openStore(fileSystem: MemoryFileSystem, loaders?: string) {
  return new LoaderStore(
    () => ({ loaders, stateDir: "/state" }),
    fileSystem,
  );
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder().decode(bytes);
}

Deno.test("LoaderStore reads a loader once while it stays as it is", async () => {
  const fileSystem = new MemoryFileSystem()
    .file(`${LOADERS}/snponly.efi`, "one")
    .file(`${LOADERS}/arm64-efi/snponly.efi`, "two");
  const store = openStore(fileSystem, LOADERS);
  assert.deepEqual([...await store.names()].sort(), [
    "arm64-efi/snponly.efi",
    "snponly.efi",
  ]);
  assert.equal(text(await store.read("arm64-efi/snponly.efi")), "two");
  const first = await store.read("snponly.efi");
  assert.equal(text(first), "one");
  assert.equal(await store.read("snponly.efi"), first, "from memory");
  fileSystem.file(`${LOADERS}/snponly.efi`, "another");
  assert.equal(text(await store.read("snponly.efi")), "another");
});

Deno.test("LoaderStore has nothing but loaders", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/etc/secret", "secret")
    .link(`${LOADERS}/out.efi`, "/etc/secret")
    .file(`${LOADERS}/.hidden`, "x")
    .file(`${LOADERS}/empty.efi`, "")
    .file(`${LOADERS}/id_ed25519`, "x");
  const store = openStore(fileSystem, LOADERS);
  for (
    const name of [
      "",
      ".",
      "..",
      "../../../etc/secret",
      "/etc/secret",
      "out.efi",
      ".hidden",
      "empty.efi",
      "id_ed25519",
      "nothing",
      "a\0b",
    ]
  ) assert.equal(await store.read(name), undefined, name);
  assert.equal(await openStore(fileSystem).read("out.efi"), undefined);
  assert.equal((await openStore(fileSystem).names()).size, 0);
  assert.equal((await openStore(fileSystem, "/nowhere").names()).size, 0);
});
