import assert from "node:assert/strict";
import { join } from "node:path";
import { fetchDisk } from "../../lib/cli/fetch_disk.ts";
import { joinFiles } from "../../lib/fetch/join_files.ts";
import { makeFiles } from "../support/image_tree.ts";
import { temporaryDirectory } from "../support/programs.ts";

Deno.test("joinFiles() puts files one after the other, each at a multiple of four bytes", async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  // More than is read at once, a multiple of four, one that is empty, a rest.
  const sizes = [600_001, 8, 0, 3];
  const names = sizes.map((size) => `f${size}`);
  await makeFiles(
    directory.path,
    Object.fromEntries(sizes.map((size) => [`f${size}`, size])),
  );
  const to = at("joined");
  await joinFiles(names.map(at), to, fetchDisk);
  const expected: number[] = [];
  for (const name of names) {
    while (expected.length % 4 !== 0) expected.push(0);
    for (const byte of await Deno.readFile(at(name))) expected.push(byte);
  }
  assert.deepEqual(await Deno.readFile(to), new Uint8Array(expected));
});

Deno.test("joinFiles() takes no room for a single file", async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  await makeFiles(directory.path, { "initrd.img": 1000 });
  await joinFiles([at("initrd.img")], at("initrd.kexec"), fetchDisk);
  const [one, other] = ["initrd.img", "initrd.kexec"].map((name) =>
    Deno.stat(at(name))
  );
  assert.equal((await one)?.ino, (await other)?.ino);
});
