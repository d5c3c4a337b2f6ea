import assert from "node:assert/strict";
import { join } from "node:path";
import {
  FileAccessError,
  FileNotFoundError,
  type FileSystem,
} from "../../lib/core/file_system.ts";
import { disk } from "../../lib/scan/disk.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

/** What every FileSystem must do, run against the disk and its twin. */
function contract(
  name: string,
  run: (test: (fs: FileSystem, root: string) => Promise<void>) => Promise<void>,
): void {
  const bytes = (text: string) => new TextEncoder().encode(text);

  Deno.test(`${name}: writeAtomically() replaces content and sets the mode`, () =>
    run(async (fs, root) => {
      const path = join(root, "file");
      assert.equal(
        await fs.writeAtomically(path, bytes("one"), { mode: 0o600 }),
        true,
      );
      assert.equal((await fs.stat(path)).mode, 0o600);
      await fs.writeAtomically(path, bytes("two"), { mode: 0o600 });
      assert.equal(await fs.readText(path), "two");
      assert.deepEqual(await fs.list(root), [{ name: "file", kind: "file" }]);
    }));

  Deno.test(`${name}: writeAtomically() with ifAbsent keeps what is there`, () =>
    run(async (fs, root) => {
      const path = join(root, "key");
      const write = (text: string) =>
        fs.writeAtomically(path, bytes(text), { mode: 0o600, ifAbsent: true });
      const wins = await Promise.all([write("a"), write("b"), write("c")]);
      assert.equal(wins.filter(Boolean).length, 1);
      assert.equal((await fs.readText(path)).length, 1);
      assert.equal((await fs.list(root)).length, 1);
    }));

  Deno.test(`${name}: a path that is not there gives FileNotFoundError`, () =>
    run(async (fs, root) => {
      const path = join(root, "none");
      for (
        const attempt of [
          () => fs.list(path),
          () => fs.stat(path),
          () => fs.realPath(path),
          () => fs.open(path),
          () => fs.readText(path),
        ]
      ) await assert.rejects(attempt, FileNotFoundError);
    }));

  Deno.test(`${name}: readAt() reads anywhere and 0 at the end`, () =>
    run(async (fs, root) => {
      const path = join(root, "data");
      await fs.writeAtomically(path, bytes("0123456789"), { mode: 0o644 });
      using file = await fs.open(path);
      const buffer = new Uint8Array(4);
      const at = async (offset: number) => {
        const count = await file.readAt(buffer, offset);
        return new TextDecoder().decode(buffer.subarray(0, count));
      };
      assert.equal(await at(6), "6789");
      assert.equal(await at(0), "0123");
      assert.equal(await at(4), "4567");
      assert.equal(await at(8), "89");
      assert.equal(await at(10), "");
      assert.equal(file.info().sizeBytes, 10);
    }));

  Deno.test(`${name}: rename() replaces what has the name already`, () =>
    run(async (fs, root) => {
      const [from, to] = [join(root, "new"), join(root, "old")];
      await fs.writeAtomically(from, bytes("new"), { mode: 0o600 });
      await fs.writeAtomically(to, bytes("old"), { mode: 0o600 });
      await fs.rename(from, to);
      assert.equal(await fs.readText(to), "new");
      assert.equal((await fs.list(root)).length, 1);
      await assert.rejects(fs.rename(from, to), FileNotFoundError);
    }));

  Deno.test(`${name}: watch() tells of files below until it is disposed of`, () =>
    run(async (fs, root) => {
      const directory = join(root, "a/b");
      await fs.makeDirectory(directory, 0o700);
      const path = join(directory, "file");
      const heard = Promise.withResolvers<void>();
      const problems: string[] = [];
      {
        using _watch = fs.watch(root, {
          onEvent({ paths }) {
            if (paths.includes(path)) heard.resolve();
          },
          onEnd: (problem) => problems.push(problem),
        });
        await fs.writeAtomically(path, bytes("x"), { mode: 0o600 });
        await heard.promise;
      }
      assert.deepEqual(problems, []);
      assert.throws(
        () => fs.watch(join(root, "none"), { onEvent() {}, onEnd() {} }),
        FileNotFoundError,
      );
    }));

  Deno.test(`${name}: watch() tells of a move with both names`, () =>
    run(async (fs, root) => {
      const [from, to] = [join(root, "a"), join(root, "b")];
      await fs.writeAtomically(from, bytes("x"), { mode: 0o600 });
      const moved = Promise.withResolvers<void>();
      const problems: string[] = [];
      using _watch = fs.watch(root, {
        onEvent({ kind, paths }) {
          if (kind === "moved" && paths.join() === `${from},${to}`) {
            moved.resolve();
          }
        },
        onEnd: (problem) => problems.push(problem),
      });
      await fs.rename(from, to);
      await moved.promise;
      assert.deepEqual(problems, []);
    }));

  Deno.test(`${name}: removeFile() removes a file that is there`, () =>
    run(async (fs, root) => {
      const path = join(root, "file");
      await fs.writeAtomically(path, bytes("x"), { mode: 0o600 });
      await fs.removeFile(path);
      assert.deepEqual(await fs.list(root), []);
      await assert.rejects(fs.removeFile(path), FileNotFoundError);
    }));

  Deno.test(`${name}: lock() is had by one at a time, whose process id it keeps`, () =>
    run(async (fs, root) => {
      const path = join(root, "lock");
      {
        using lock = await fs.lock(path);
        assert.ok(lock !== undefined);
        assert.equal(await fs.lock(path), undefined);
        assert.equal(await fs.readText(path), `${Deno.pid}\n`);
      }
      using again = await fs.lock(path);
      assert.ok(again !== undefined);
    }));

  Deno.test(`${name}: makeDirectory() makes parents and accepts what is there`, () =>
    run(async (fs, root) => {
      await fs.makeDirectory(join(root, "a/b"), 0o700);
      await fs.makeDirectory(join(root, "a/b"), 0o700);
      assert.deepEqual(await fs.list(root), [{ name: "a", kind: "directory" }]);
    }));
}

contract("disk", async (test) => {
  const root = await Deno.makeTempDir();
  try {
    await test(disk, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
contract(
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

Deno.test("disk.watch() tells when a writer opens a file and when it closes it, and nothing of readers", async () => {
  const root = await Deno.makeTempDir();
  try {
    const path = join(root, "kernel");
    const kinds: string[] = [];
    const closed = Promise.withResolvers<void>();
    using _watch = disk.watch(root, {
      onEvent({ kind, paths }) {
        assert.deepEqual(paths, [path]);
        kinds.push(kind);
        if (kind === "closed") closed.resolve();
      },
      onEnd: assert.fail,
    });
    await Deno.writeTextFile(path, "x");
    await Deno.readTextFile(path);
    await closed.promise;
    assert.deepEqual([...new Set(kinds)], ["created", "modified", "closed"]);
  } finally {
    await Deno.remove(root, { recursive: true });
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

Deno.test("disk.stat() of links in a circle gives FileAccessError", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.symlink("b", join(root, "a"));
    await Deno.symlink("a", join(root, "b"));
    await assert.rejects(disk.stat(join(root, "a")), FileAccessError);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
