import assert from "node:assert/strict";
import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import { FileAccessError } from "../../lib/core/file_system.ts";
import { makeFifo } from "../support/fifo.ts";
import { testFileSystem } from "../support/file_system_contract.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { temporaryDirectory } from "../support/programs.ts";

testFileSystem("disk", async (test) => {
  const root = await Deno.makeTempDir();
  try {
    await test(disk, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
testFileSystem(
  "memory",
  (test) => test(new MemoryFileSystem().directory("/tmp"), "/tmp"),
);

Deno.test("disk names what is in the way", async () => {
  const root = await Deno.makeTempDir();
  try {
    const file = join(root, "file");
    await Deno.writeTextFile(file, "");
    await assert.rejects(disk.makeDirectory(file, 0o700), FileAccessError);
    await assert.rejects(disk.readText(root), FileAccessError);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("disk.readText() refuses what nobody can have written that was named", async () => {
  const path = await Deno.makeTempFile();
  try {
    const text = "x".repeat(1024 * 1024);
    await Deno.writeTextFile(path, text);
    assert.equal(await disk.readText(path, { mayBePipe: true }), text);
    await Deno.writeTextFile(path, "x", { append: true });
    await assert.rejects(disk.readText(path, { mayBePipe: true }), {
      name: "FileAccessError",
      message: `Cannot read "${path}": it is larger than 1 MiB`,
    });
    assert.equal(await disk.readText(path), `${text}x`);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("disk.list() keeps links apart from what they point to", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.symlink("/etc/hostname", join(root, "link"));
    assert.deepEqual(await disk.list(root), [{
      name: "link",
      kind: "symlink",
    }]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("disk.writeAtomically() writes what a link leads to, there or not, and leaves the link", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "real"));
    const links = { first: "second", second: "real/file", new: "real/new" };
    for (const [name, target] of Object.entries(links)) {
      await Deno.symlink(target, join(root, name));
    }
    await Deno.writeTextFile(join(root, "real/file"), "old");
    const bytes = new TextEncoder().encode("written");
    for (const name of ["first", "new"]) {
      await disk.writeAtomically(join(root, name), bytes, { mode: 0o600 });
    }
    for (const name of ["real/file", "real/new"]) {
      assert.equal(await Deno.readTextFile(join(root, name)), "written");
      assert.ok((await Deno.lstat(join(root, name))).isFile);
    }
    for (const [name, target] of Object.entries(links)) {
      assert.equal(await Deno.readLink(join(root, name)), target);
    }
    assert.equal(
      await disk.writeAtomically(join(root, "new"), bytes, {
        mode: 0o600,
        ifAbsent: true,
      }),
      false,
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("disk.stat() of links in a circle gives FileAccessError, which says so", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.symlink("b", join(root, "a"));
    await Deno.symlink("a", join(root, "b"));
    const path = join(root, "a");
    await assert.rejects(disk.stat(path), {
      name: "FileAccessError",
      message: `Cannot stat "${path}": its symbolic links form a loop`,
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

const HAS_FIFOS = Deno.build.os !== "windows";

Deno.test("an open file tells its own state, whatever has its path", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "vmlinuz");
  await Deno.writeTextFile(path, "first");
  using file = await disk.open(path);
  const { inode } = file.info();
  await Deno.writeTextFile(path, "longer", { append: true });
  const grown = file.info();
  assert.deepEqual([grown.inode, grown.sizeBytes], [inode, 11]);
  const next = join(directory.path, "next");
  await Deno.writeTextFile(next, "other");
  await Deno.rename(next, path);
  assert.notEqual((await disk.stat(path)).inode, inode);
  const replaced = file.info();
  assert.deepEqual(
    [replaced.inode, replaced.sizeBytes, replaced.linkCount],
    [inode, 11, 0],
  );
  await Deno.remove(path);
  assert.equal(file.info().inode, inode);
  await Deno.mkdir(path);
  assert.equal(file.info().kind, "file");
});

Deno.test({
  name: "disk does not wait for the writer of a FIFO, unless told to",
  ignore: !HAS_FIFOS,
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      const path = join(root, "fifo");
      await makeFifo(path);
      await assert.rejects(disk.open(path), /it is not a regular file/);
      await assert.rejects(disk.readText(path), /it is not a regular file/);
      await assert.rejects(disk.lock(path), /it is not a regular file/);
      const text = disk.readText(path, { mayBePipe: true });
      await Deno.writeTextFile(path, "said");
      assert.equal(await text, "said");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});

Deno.test({
  name: `disk.kindOf() is the number of statfs(2)${
    Deno.build.os === "linux" ? "" : " (skipped: Linux has such numbers)"
  }`,
  ignore: Deno.build.os !== "linux",
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      const { stdout } = await new Deno.Command("stat", {
        args: ["-f", "-c", "%t", root],
      }).output();
      const kind = parseInt(new TextDecoder().decode(stdout), 16);
      assert.equal(await disk.kindOf(root), kind);
      assert.equal(await disk.kindOf(join(root, "none")), undefined);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
