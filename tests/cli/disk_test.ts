import assert from "node:assert/strict";
import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import {
  type DirectoryWatch,
  FileAccessError,
  FileNotFoundError,
  type FileSystem,
} from "../../lib/core/file_system.ts";
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
    }));

  Deno.test(`${name}: watch() tells of a move with both names`, () =>
    run(async (fs, root) => {
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
    using watch = disk.watch(root, {
      onEvent({ kind, paths }) {
        assert.deepEqual(paths, [path]);
        kinds.push(kind);
        if (kind === "closed") closed.resolve();
      },
      onEnd: assert.fail,
    });
    await watch.hears();
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

const HAS_FIFOS = Deno.build.os !== "windows";

async function makeFifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] })
    .output();
  assert.ok(success, `cannot make "${path}"`);
}

/** Whether it settles in time; a watcher that is held up never does. */
async function isHeard(watch: DirectoryWatch): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), 1000);
  });
  const isHeard = await Promise.race([watch.hears().then(() => true), late]);
  clearTimeout(timer);
  return isHeard;
}

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
  name:
    "disk.watch() that a FIFO has held up is let go, and hears again when it is begun anew",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      await Deno.mkdir(join(root, "a/b"), { recursive: true });
      const quiet = { onEvent() {}, onEnd: assert.fail };
      {
        using watch = disk.watch(root, quiet);
        await watch.hears();
        await makeFifo(join(root, "a/b/fifo"));
        let heard = true;
        // The event may take a moment to be opened.
        for (let i = 0; heard && i < 20; i++) heard = await isHeard(watch);
        assert.equal(heard, false, "a FIFO holds up no watcher any more");
      }
      const path = join(root, "a/kernel");
      const found = Promise.withResolvers<void>();
      using again = disk.watch(root, {
        ...quiet,
        onEvent({ paths }) {
          if (paths.includes(path)) found.resolve();
        },
      });
      await again.hears();
      await Deno.writeTextFile(path, "x");
      await found.promise;
      assert.ok(await isHeard(again));
      const held = (await Promise.all(
        (await Array.fromAsync(Deno.readDir("/proc/self/task"))).map(
          ({ name }) =>
            Deno.readTextFile(`/proc/self/task/${name}/wchan`).catch(() => ""),
        ),
      )).filter((where) => where === "wait_for_partner");
      assert.equal(held.length, 0, "a thread still waits for the FIFO");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
