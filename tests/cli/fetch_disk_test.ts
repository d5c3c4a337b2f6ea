import assert from "node:assert/strict";
import { join } from "node:path";
import { fetchDisk } from "../../lib/cli/fetch_disk.ts";
import { FileAccessError } from "../../lib/core/file_system.ts";

async function inDirectory(
  test: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("fetchDisk writes at any position, and tells what is taken up", async () => {
  await inDirectory(async (root) => {
    const path = join(root, "sparse");
    const bytes = crypto.getRandomValues(new Uint8Array(8192));
    {
      using file = await fetchDisk.openForWriting(path);
      await file.writeAt(bytes, 1 << 20);
      await file.writeAt(bytes.subarray(0, 100), 0);
      const read = new Uint8Array(8192);
      assert.equal(await file.readAt(read, 1 << 20), 8192);
      assert.deepEqual(read, bytes);
      assert.equal(await file.readAt(read, (1 << 20) + 8192), 0);
      await file.sync();
    }
    const { sizeBytes, allocatedBytes } = await fetchDisk.extentOf(path);
    assert.equal(sizeBytes, (1 << 20) + 8192);
    assert.ok(allocatedBytes < 100_000, `${allocatedBytes}`);
    {
      // What was there stays.
      using file = await fetchDisk.openForWriting(path);
      await file.truncate(10);
    }
    assert.deepEqual(await Deno.readFile(path), bytes.slice(0, 10));
  });
});

Deno.test("fetchDisk replaces a directory that is there, or not yet", async () => {
  await inDirectory(async (root) => {
    const paths = {
      next: join(root, "next"),
      present: join(root, "present"),
      aside: join(root, "aside"),
    };
    for (const content of ["1", "2"]) {
      await Deno.mkdir(paths.next);
      await Deno.writeTextFile(join(paths.next, "file"), content);
      fetchDisk.replaceDirectory(paths);
      const present = await Deno.readTextFile(join(paths.present, "file"));
      assert.equal(present, content);
    }
    assert.equal(await Deno.readTextFile(join(paths.aside, "file")), "1");
    // One that cannot be moved into place leaves what was there.
    await fetchDisk.removeTree(paths.aside);
    assert.throws(() => fetchDisk.replaceDirectory(paths));
    assert.equal(await Deno.readTextFile(join(paths.present, "file")), "2");
    await fetchDisk.removeTree(paths.aside);
  });
});

Deno.test("fetchDisk locks a directory against others until it is released", async () => {
  await inDirectory(async (root) => {
    const path = join(root, "a", "b");
    {
      using first = await fetchDisk.lockDirectory(path);
      assert.ok(first !== undefined);
      assert.equal(await fetchDisk.lockDirectory(path), undefined);
      // A lock on a directory that is gone is none on the one that follows.
      await fetchDisk.removeTree(path);
      using second = await fetchDisk.lockDirectory(path);
      assert.ok(second !== undefined);
      assert.equal(await fetchDisk.lockDirectory(path), undefined);
    }
    using again = await fetchDisk.lockDirectory(path);
    assert.ok(again !== undefined);
  });
});

Deno.test("fetchDisk links a file, or copies it to where no link leads", async () => {
  await inDirectory(async (root) => {
    const [from, to] = [join(root, "from"), join(root, "to")];
    await Deno.writeTextFile(from, "content");
    await fetchDisk.link(from, to);
    assert.equal((await Deno.stat(to)).ino, (await Deno.stat(from)).ino);
    await assert.rejects(fetchDisk.link(from, to), FileAccessError);
    const shm = await Deno.makeTempDir({ dir: "/dev/shm" }).catch(() => root);
    if (shm === root) return;
    try {
      await fetchDisk.link(from, join(shm, "copy"));
      assert.equal(await Deno.readTextFile(join(shm, "copy")), "content");
    } finally {
      await Deno.remove(shm, { recursive: true });
    }
  });
});

Deno.test("fetchDisk says how much room there is, and names what fails", async () => {
  await inDirectory(async (root) => {
    assert.ok((await fetchDisk.freeBytes(root) ?? 0) > 0);
    assert.equal(await fetchDisk.freeBytes(join(root, "none")), undefined);
    await Deno.writeTextFile(join(root, "file"), "");
    await assert.rejects(
      fetchDisk.lockDirectory(join(root, "file")),
      FileAccessError,
    );
    await fetchDisk.removeTree(join(root, "none"));
    await fetchDisk.syncDirectory(root);
  });
});
