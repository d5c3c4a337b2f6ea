import assert from "node:assert/strict";
import { fetchDisk } from "../../lib/cli/fetch_disk.ts";
import { FileAccessError } from "../../lib/core/file_system.ts";
import type { FetchDisk } from "../../lib/fetch/fetch_disk.ts";
import { blobsOf, openBlobServer } from "../support/blob_server.ts";
import {
  FetchLab,
  promised,
  promisedPieces,
  seededBytes,
  sourceAt,
} from "../support/fetch_lab.ts";

const KERNEL = seededBytes(700_000, 1);
const ROOTFS = seededBytes(1_000_000, 2);
const { file: rootfs, list } = promisedPieces("rootfs.img", ROOTFS, 65_536);
const files = [promised("vmlinuz", KERNEL), rootfs];
const ALL = blobsOf(KERNEL, ROOTFS, list);

/** A disk on which files can be as long as this together, and no more. */
function diskOf(roomBytes: number): FetchDisk {
  let left = roomBytes;
  return {
    ...fetchDisk,
    async openForWriting(path) {
      const file = await fetchDisk.openForWriting(path);
      return {
        ...file,
        writeAt(bytes, offsetBytes) {
          left -= bytes.length;
          if (left >= 0) return file.writeAt(bytes, offsetBytes);
          const error = new Error("No space left on device (os error 28)");
          return Promise.reject(Object.assign(error, { code: "ENOSPC" }));
        },
      };
    },
  };
}

Deno.test("fetchImage() begins nothing that there is no room for", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const failed = await lab.fetch({
    files,
    sources: [sourceAt(server)],
    disk: { ...fetchDisk, freeBytes: () => Promise.resolve(1_600_000) },
  });
  assert.ok(!failed.ok);
  assert.equal(failed.reason.kind, "room");
  assert.match(
    failed.reason.message,
    /^Cannot fetch 2 MiB into ".*arm64": 1 MiB are free; free some/,
  );
  assert.deepEqual(server.requests, []);
});

Deno.test("fetchImage() keeps what is there when the disk fills up, and goes on later", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const sources = [sourceAt(server)];
  const failed = await lab.fetch({ files, sources, disk: diskOf(1_200_000) });
  assert.ok(!failed.ok);
  assert.equal(failed.reason.kind, "room");
  assert.match(
    failed.reason.message,
    /^No space is left to fetch into ".*" \(No space left on device/,
  );
  assert.deepEqual(await lab.around(), [".arm64.fetch"]);
  const fetched = await lab.fetch({
    files,
    sources,
    // What lies there takes no more.
    disk: { ...fetchDisk, freeBytes: () => Promise.resolve(900_000) },
  });
  assert.ok(fetched.ok);
  assert.ok(await lab.has("vmlinuz", KERNEL));
  assert.ok(await lab.has("rootfs.img", ROOTFS));
  assert.ok(fetched.value.receivedBytes < 1_000_000);
});

Deno.test("fetchImage() names a directory that cannot be written, and hides no fault of its own", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const sources = [sourceAt(server)];
  const denied = await lab.fetch({
    files,
    sources,
    disk: {
      ...fetchDisk,
      lockDirectory: () =>
        Promise.reject(
          new FileAccessError('make directory "/x"', "permission denied"),
        ),
    },
  });
  assert.ok(!denied.ok);
  assert.equal(denied.reason.kind, "disk");
  assert.match(
    denied.reason.message,
    /\(Cannot make directory "\/x": permission denied\): name a directory/,
  );
  const faulty = lab.fetch({
    files,
    sources,
    disk: { ...fetchDisk, freeBytes: () => Promise.reject(new TypeError("x")) },
  });
  await assert.rejects(faulty, TypeError);
});

Deno.test("fetchImage() puts nothing into place that the disk has not kept", async () => {
  await using server = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const lost = Object.assign(new Error("I/O error"), { code: "EIO" });
  let syncs = 0;
  const failed = await lab.fetch({
    files: [rootfs],
    sources: [sourceAt(server)],
    disk: {
      ...fetchDisk,
      async openForWriting(path) {
        const file = await fetchDisk.openForWriting(path);
        // The system tells of it once.
        return {
          ...file,
          sync: () => ++syncs === 1 ? Promise.reject(lost) : file.sync(),
        };
      },
    },
  });
  assert.ok(!failed.ok);
  assert.equal(failed.reason.kind, "disk");
  assert.deepEqual(await lab.around(), [".arm64.fetch"]);
});
