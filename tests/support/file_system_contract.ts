import assert from "node:assert/strict";
import { join } from "node:path";
import {
  FileNotFoundError,
  type FileSystem,
} from "../../lib/core/file_system.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What every FileSystem must do, in an empty directory. */
const CASES: Readonly<
  Record<string, (fs: FileSystem, root: string) => Promise<void>>
> = {
  "writeAtomically() replaces content and sets the mode": async (fs, root) => {
    const path = join(root, "file");
    assert.equal(
      await fs.writeAtomically(path, bytes("one"), { mode: 0o600 }),
      true,
    );
    assert.equal((await fs.stat(path)).mode, 0o600);
    await fs.writeAtomically(path, bytes("two"), { mode: 0o600 });
    assert.equal(await fs.readText(path), "two");
    assert.deepEqual(await fs.list(root), [{ name: "file", kind: "file" }]);
  },

  "writeAtomically() with ifAbsent keeps what is there": async (fs, root) => {
    const path = join(root, "key");
    const write = (text: string) =>
      fs.writeAtomically(path, bytes(text), { mode: 0o600, ifAbsent: true });
    const wins = await Promise.all([write("a"), write("b"), write("c")]);
    assert.equal(wins.filter(Boolean).length, 1);
    assert.equal((await fs.readText(path)).length, 1);
    assert.equal((await fs.list(root)).length, 1);
  },

  "append() writes to the end of a file": async (fs, root) => {
    const path = join(root, "log");
    await fs.writeAtomically(path, bytes("one"), { mode: 0o600 });
    await fs.append(path, bytes(" two"));
    await fs.append(path, bytes(" three"));
    assert.equal(await fs.readText(path), "one two three");
    assert.equal((await fs.stat(path)).mode, 0o600);
    assert.deepEqual(await fs.list(root), [{ name: "log", kind: "file" }]);
  },

  "a path that is not there gives FileNotFoundError": async (fs, root) => {
    const path = join(root, "none");
    for (
      const attempt of [
        () => fs.list(path),
        () => fs.stat(path),
        () => fs.realPath(path),
        () => fs.open(path),
        () => fs.readText(path),
        () => fs.append(path, bytes("x")),
      ]
    ) await assert.rejects(attempt, FileNotFoundError);
  },

  "readAt() reads anywhere and 0 at the end": async (fs, root) => {
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
  },

  "rename() replaces what has the name already": async (fs, root) => {
    const [from, to] = [join(root, "new"), join(root, "old")];
    await fs.writeAtomically(from, bytes("new"), { mode: 0o600 });
    await fs.writeAtomically(to, bytes("old"), { mode: 0o600 });
    await fs.rename(from, to);
    assert.equal(await fs.readText(to), "new");
    assert.equal((await fs.list(root)).length, 1);
    await assert.rejects(fs.rename(from, to), FileNotFoundError);
  },

  "watch() tells of files below until it is disposed of": async (fs, root) => {
    const directory = join(root, "a/b");
    await fs.makeDirectory(directory, 0o700);
    const path = join(directory, "file");
    const heard = Promise.withResolvers<void>();
    const problems: string[] = [];
    {
      using watch = fs.watch(root, {
        onEvent({ paths }) {
          if (paths.includes(path)) heard.resolve();
        },
        onEnd: (problem) => problems.push(problem),
      });
      await watch.hears();
      await fs.writeAtomically(path, bytes("x"), { mode: 0o600 });
      await heard.promise;
    }
    assert.deepEqual(problems, []);
    using none = fs.watch(join(root, "none"), { onEvent() {}, onEnd() {} });
    await assert.rejects(none.hears(), FileNotFoundError);
  },

  "watch() tells of a move with both names": async (fs, root) => {
    const [from, to] = [join(root, "a"), join(root, "b")];
    await fs.writeAtomically(from, bytes("x"), { mode: 0o600 });
    const moved = Promise.withResolvers<void>();
    const problems: string[] = [];
    using watch = fs.watch(root, {
      onEvent({ kind, paths }) {
        if (kind === "moved" && paths.join() === `${from},${to}`) {
          moved.resolve();
        }
      },
      onEnd: (problem) => problems.push(problem),
    });
    await watch.hears();
    await fs.rename(from, to);
    await moved.promise;
    assert.deepEqual(problems, []);
  },

  "removeFile() removes a file that is there": async (fs, root) => {
    const path = join(root, "file");
    await fs.writeAtomically(path, bytes("x"), { mode: 0o600 });
    await fs.removeFile(path);
    assert.deepEqual(await fs.list(root), []);
    await assert.rejects(fs.removeFile(path), FileNotFoundError);
  },

  "lock() is had by one at a time, whose process id it keeps": async (
    fs,
    root,
  ) => {
    const path = join(root, "lock");
    {
      using lock = await fs.lock(path);
      assert.ok(lock !== undefined);
      assert.equal(await fs.lock(path), undefined);
      assert.equal(await fs.readText(path), `${Deno.pid}\n`);
    }
    using again = await fs.lock(path);
    assert.ok(again !== undefined);
  },

  "makeDirectory() makes parents and accepts what is there": async (
    fs,
    root,
  ) => {
    await fs.makeDirectory(join(root, "a/b"), 0o700);
    await fs.makeDirectory(join(root, "a/b"), 0o700);
    assert.deepEqual(await fs.list(root), [{ name: "a", kind: "directory" }]);
  },
};

/**
 * Tests a FileSystem against the contract.
 *
 * @param name of the file system, for the names of the tests
 * @param run gives a case an empty directory, and removes it afterwards
 */
export function testFileSystem(
  name: string,
  run: (
    test: (fs: FileSystem, root: string) => Promise<void>,
  ) => Promise<void>,
): void {
  for (const [says, test] of Object.entries(CASES)) {
    Deno.test(`${name}: ${says}`, () => run(test));
  }
}
