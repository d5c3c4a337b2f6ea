import assert from "node:assert/strict";
import { join } from "node:path";
import type { FileToFetch } from "../../lib/fetch/fetch_image.ts";
import {
  type BlobRequest,
  blobsOf,
  fileOf,
  type Misbehaviour,
  openBlobServer,
  sha256Hex,
} from "../support/blob_server.ts";
import {
  FetchLab,
  promised,
  promisedPieces,
  seededBytes,
  sourceAt,
} from "../support/fetch_lab.ts";

const KIB = 1024;
const PIECE_BYTES = 64 * KIB;
const PIECES = 40;
const KERNEL = seededBytes(3000 * KIB, 1);
const ROOTFS = seededBytes((PIECES - 1) * PIECE_BYTES + 777, 3);
const { file: rootfs, list: LIST } = promisedPieces(
  "rootfs.img",
  ROOTFS,
  PIECE_BYTES,
);
const kernel = promised("vmlinuz", KERNEL);
const ALL = blobsOf(KERNEL, ROOTFS, LIST);
const ROOTFS_PATH = `/blobs/sha256/${rootfs.sha256}`;

/** What a server does wrong with some file. */
function wrongAt(
  path: string,
  wrong: (request: BlobRequest) => Misbehaviour | undefined,
): (request: BlobRequest) => Misbehaviour | undefined {
  return (request) => request.path === path ? wrong(request) : undefined;
}

function flip(bytes: Uint8Array): Uint8Array {
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  return bytes;
}

/** Stops when half of a file is there. */
async function fetchHalf(lab: FetchLab, file: FileToFetch) {
  await using server = openBlobServer({ files: ALL, bytesPerSecond: 4e6 });
  const stopping = new AbortController();
  return await lab.fetch({
    files: [file],
    sources: [sourceAt(server)],
    onEvent(event) {
      const isHalf = event.kind === "progress" &&
        event.bytes > file.sizeBytes / 2;
      if (isHalf) stopping.abort(new DOMException("time is up"));
    },
  }, stopping);
}

Deno.test("fetchImage() has the pieces of a file from several sources at once", async () => {
  const slow = { files: ALL, bytesPerSecond: 8e6 };
  await using one = openBlobServer(slow);
  await using other = openBlobServer(slow);
  await using lab = await FetchLab.open();
  const fetched = await lab.fetch({
    files: [rootfs],
    sources: [sourceAt(one), sourceAt(other)],
  });
  assert.ok(fetched.ok);
  assert.ok(await lab.has("rootfs.img", ROOTFS));
  for (const { sentBytes } of [one, other]) {
    assert.ok(sentBytes > ROOTFS.length * 0.25, `${sentBytes}`);
  }
  assert.ok(fetched.value.receivedBytes < ROOTFS.length * 1.15);
});

Deno.test("fetchImage() asks sources that are found while it fetches", async () => {
  await using first = openBlobServer({ files: ALL, bytesPerSecond: 1e6 });
  await using second = openBlobServer({ files: ALL });
  await using lab = await FetchLab.open();
  const sources = [sourceAt(first)];
  const fetched = await lab.fetch({
    files: [rootfs],
    sources,
    onEvent({ kind }) {
      if (kind === "progress" && sources.length === 1) {
        sources.push(sourceAt(second));
      }
    },
  });
  assert.ok(fetched.ok);
  assert.ok(second.sentBytes > ROOTFS.length / 2, `${second.sentBytes}`);
});

Deno.test("fetchImage() drops a source at its first wrong piece, and has all right", async () => {
  await using wrong = openBlobServer({
    files: ALL,
    misbehave: wrongAt(ROOTFS_PATH, () => ({
      spoil: (bytes, offset) => offset >= 5 * PIECE_BYTES ? flip(bytes) : bytes,
    })),
  });
  await using right = openBlobServer({ files: ALL, bytesPerSecond: 20e6 });
  await using lab = await FetchLab.open();
  const fetched = await lab.fetch({
    files: [rootfs],
    sources: [sourceAt(wrong, "wrong"), sourceAt(right, "right")],
  });
  assert.ok(fetched.ok);
  assert.ok(await lab.has("rootfs.img", ROOTFS));
  const failed = lab.events.filter(({ kind }) => kind === "source-failed");
  assert.equal(failed.length, 1);
  assert.match(JSON.stringify(failed), /"wrong".*piece \d+ of .* is wrong/);
  // One piece, and what was on its way.
  assert.ok(wrong.sentBytes < ROOTFS.length / 2, `${wrong.sentBytes}`);
});

Deno.test("fetchImage() drops a source that sends another file, or another list", async () => {
  const spoil = { spoil: flip };
  for (
    const [file, misbehave, reason] of [
      [kernel, () => spoil, /something other than what was signed/],
      [rootfs, () => spoil, /a piece list other than the signed one/],
      [
        kernel,
        () => ({ isChunked: true, extraBytes: 1 }),
        /longer than what was signed/,
      ],
    ] as const
  ) {
    await using wrong = openBlobServer({ files: ALL, misbehave });
    await using right = openBlobServer({
      files: ALL,
      misbehave: ({ number }) =>
        number < 3 ? { status: 503, headers: ["Retry-After: 0"] } : undefined,
    });
    await using lab = await FetchLab.open();
    const fetched = await lab.fetch({
      files: [file],
      sources: [sourceAt(wrong), sourceAt(right)],
    });
    assert.ok(fetched.ok);
    const bytes = file === kernel ? KERNEL : ROOTFS;
    assert.ok(await lab.has(file.path, bytes));
    const failed = lab.events.filter(({ kind }) => kind === "source-failed");
    assert.match(JSON.stringify(failed), reason);
  }
});

Deno.test("fetchImage() blames nobody for what two sources sent, and begins anew with one", async () => {
  // The first half is wrong, and comes from a source that is gone then.
  await using wrong = openBlobServer({
    files: ALL,
    misbehave: ({ number }) =>
      number === 0
        ? { spoil: flip, cutAfterBytes: KERNEL.length / 2 }
        : { status: 404 },
  });
  await using right = openBlobServer({
    files: ALL,
    misbehave: ({ number }) => number === 0 ? { status: 500 } : undefined,
  });
  await using lab = await FetchLab.open();
  const fetched = await lab.fetch({
    files: [kernel],
    sources: [sourceAt(wrong), sourceAt(right)],
  });
  assert.ok(fetched.ok, JSON.stringify(fetched));
  assert.ok(await lab.has("vmlinuz", KERNEL));
  const failed = lab.events.filter(({ kind }) => kind === "source-failed");
  assert.deepEqual(failed, []);
});

Deno.test("fetchImage() goes on by Range and If-Range where a body broke off", async () => {
  await using server = openBlobServer({
    files: ALL,
    misbehave: ({ number }) =>
      number % 3 === 0
        ? { cutAfterBytes: 1_000_000 }
        : number % 3 === 1
        ? { status: 500 }
        : undefined,
  });
  await using lab = await FetchLab.open();
  const fetched = await lab.fetch({
    files: [kernel],
    sources: [sourceAt(server)],
  });
  assert.ok(fetched.ok);
  assert.ok(await lab.has("vmlinuz", KERNEL));
  assert.equal(fetched.value.receivedBytes, KERNEL.length);
  const last = server.requests.at(-1)?.headers;
  assert.equal(last?.get("range"), `bytes=1000000-${KERNEL.length - 1}`);
  assert.equal(last?.get("if-range"), `"${kernel.sha256}"`);
});

Deno.test("fetchImage() goes on after it was stopped, at another source, with what was right", async () => {
  for (const file of [kernel, rootfs]) {
    const bytes = file === kernel ? KERNEL : ROOTFS;
    await using lab = await FetchLab.open();
    const stopped = await fetchHalf(lab, file);
    assert.ok(!stopped.ok);
    assert.match(stopped.reason.message, /time is up/);
    // What a power cut may leave is found, and nothing of it is used.
    const part = join(
      lab.directory,
      `../.arm64.fetch/${file.sha256}.part`,
    );
    if (file === rootfs) {
      using open = await Deno.open(part, { write: true });
      await open.write(new Uint8Array(1000));
    }
    await using second = openBlobServer({ files: ALL });
    const fetched = await lab.fetch({
      files: [file],
      sources: [sourceAt(second)],
    });
    assert.ok(fetched.ok);
    assert.ok(await lab.has(file.path, bytes));
    const [resumed] = lab.events;
    assert.equal(resumed?.kind, "resumed");
    assert.ok(
      fetched.value.receivedBytes < bytes.length * 0.6,
      `${fetched.value.receivedBytes}`,
    );
  }
});

Deno.test("fetchImage() fetches from a server that knows no ranges", async () => {
  await using lab = await FetchLab.open();
  await using server = openBlobServer({
    files: ALL,
    etag: () => undefined,
    misbehave: ({ number }) =>
      number === 0
        ? { isRangeIgnored: true, cutAfterBytes: 1000 * KIB }
        : { isRangeIgnored: true },
  });
  const fetched = await lab.fetch({
    files: [kernel, rootfs],
    sources: [sourceAt(server)],
  });
  assert.ok(fetched.ok);
  assert.ok(await lab.has("vmlinuz", KERNEL));
  assert.ok(await lab.has("rootfs.img", ROOTFS));
  const asked = server.requests.filter(({ path }) => path === ROOTFS_PATH);
  assert.equal(asked.length, 1);
});

Deno.test("fetchImage() learns what a server calls its files", async () => {
  for (const etag of ['"other"', undefined]) {
    await using server = openBlobServer({ files: ALL, etag: () => etag });
    await using lab = await FetchLab.open();
    await fetchHalf(lab, rootfs);
    const fetched = await lab.fetch({
      files: [rootfs],
      sources: [sourceAt(server)],
    });
    assert.ok(fetched.ok);
    const asked = server.requests.filter(({ path }) => path === ROOTFS_PATH);
    assert.deepEqual(
      asked.map(({ headers }) => headers.get("if-range")),
      [`"${rootfs.sha256}"`, etag],
    );
    assert.equal(
      asked[0]?.headers.get("range"),
      asked[1]?.headers.get("range"),
    );
  }
});

Deno.test("fetchImage() waits as long as a busy source says, and asks no more where it is refused", async () => {
  await using server = openBlobServer({
    files: ALL,
    misbehave: ({ number }) =>
      number === 0 ? { status: 503, headers: ["Retry-After: 1"] } : undefined,
  });
  await using refusing = openBlobServer({
    files: ALL,
    misbehave: () => ({ status: 403 }),
  });
  await using lab = await FetchLab.open();
  const startMs = performance.now();
  const fetched = await lab.fetch({
    files: [kernel],
    sources: [sourceAt(server), sourceAt(refusing)],
  });
  assert.ok(fetched.ok);
  assert.ok(performance.now() - startMs >= 1000);
  assert.equal(refusing.requests.length, 1);
  const waits = lab.events.filter(({ kind }) => kind === "source-waits");
  assert.match(JSON.stringify(waits), /"answered 503","delayMs":1000/);
});

Deno.test("fetchImage() does not wait for a source that falls silent", async () => {
  for (
    const [file, silentPath] of [
      [kernel, `/blobs/sha256/${kernel.sha256}`],
      [rootfs, ROOTFS_PATH],
      [rootfs, `/blobs/sha256/${rootfs.pieces?.sha256}`],
    ] as const
  ) {
    await using silent = openBlobServer({
      files: ALL,
      misbehave: wrongAt(silentPath, () => ({ silentAfterBytes: 1000 })),
    });
    await using other = openBlobServer({ files: ALL });
    await using lab = await FetchLab.open();
    const startMs = performance.now();
    const fetched = await lab.fetch({
      files: [file],
      sources: [sourceAt(silent), sourceAt(other)],
    });
    assert.ok(fetched.ok);
    assert.ok(await lab.has(file.path, file === kernel ? KERNEL : ROOTFS));
    assert.ok(performance.now() - startMs < 12_000, silentPath);
  }
});

Deno.test("fetchImage() gets over a tenth of all requests failing", async () => {
  let seed = 7;
  const random = () => (seed = seed * 48271 % 0x7fffffff) / 0x7fffffff;
  const flaky = {
    files: ALL,
    misbehave: () =>
      random() < 0.1
        ? { status: 500 }
        : random() < 0.1
        ? { cutAfterBytes: 100_000 }
        : undefined,
  };
  await using one = openBlobServer(flaky);
  await using other = openBlobServer(flaky);
  await using lab = await FetchLab.open();
  const fetched = await lab.fetch({
    files: [kernel, rootfs],
    sources: [sourceAt(one), sourceAt(other)],
  });
  assert.ok(fetched.ok);
  assert.ok(await lab.has("rootfs.img", ROOTFS));
  const needed = KERNEL.length + ROOTFS.length;
  assert.ok(fetched.value.receivedBytes < needed * 1.3);
});

Deno.test("fetchImage() says what every source did when none is left", async () => {
  await using lying = openBlobServer({
    files: ALL,
    misbehave: () => ({ spoil: flip }),
  });
  await using lab = await FetchLab.open();
  const failed = await lab.fetch({
    files: [kernel],
    sources: [sourceAt(lying, "liar")],
  });
  assert.ok(!failed.ok);
  assert.equal(failed.reason.kind, "sources");
  assert.match(
    failed.reason.message,
    /^Cannot fetch "vmlinuz" from any provider \(liar: it sent something other/,
  );
});

Deno.test("fetchImage() takes no other file for its own, of whatever size", async () => {
  // The blob is gone, and the URL leads to the next version.
  const next = flip(KERNEL.slice());
  for (const bytes of [KERNEL.subarray(1), next]) {
    await using replaced = openBlobServer({
      files: new Map([["/stable/arm64/vmlinuz", fileOf(bytes)]]),
      etag: () => `"${sha256Hex(bytes)}"`,
    });
    await using lab = await FetchLab.open();
    const failed = await lab.fetch({
      files: [{ ...kernel, urls: ["vmlinuz"] }],
      sources: [sourceAt(replaced)],
    });
    assert.ok(!failed.ok);
    assert.equal(failed.reason.kind, "gone");
    const failures = lab.events.filter(({ kind }) => kind === "source-failed");
    assert.deepEqual(failures, []);
  }
});
