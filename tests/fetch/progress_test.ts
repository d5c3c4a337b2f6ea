import assert from "node:assert/strict";
import fc from "fast-check";
import {
  FetchProgress,
  type FileEvent,
  formatBytes,
} from "../../lib/fetch/progress.ts";

const MB = 1e6;
const FILES = [
  { path: "vmlinuz", sizeBytes: 10 * MB },
  { path: "initrd.img", sizeBytes: 40 * MB },
  { path: "live/rootfs.squashfs", sizeBytes: 1950 * MB },
];

function event(
  kind: FileEvent["kind"],
  path: string,
  bytes: number,
): FileEvent {
  const sizeBytes = FILES.find((file) => file.path === path)?.sizeBytes ?? 0;
  return { kind, path, bytes, sizeBytes };
}

/** The kernel was there, the initramfs comes at 10 MB/s, from 20 MB on. */
function underWay(): FetchProgress {
  const progress = new FetchProgress(FILES);
  progress.receive(event("kept", "vmlinuz", 10 * MB), 0);
  progress.receive(event("started", "live/rootfs.squashfs", 0), 0);
  progress.receive(event("resumed", "initrd.img", 20 * MB), 0);
  for (let ms = 100; ms <= 1000; ms += 100) {
    progress.receive(
      event("progress", "initrd.img", 20 * MB + ms * 10_000),
      ms,
    );
  }
  return progress;
}

Deno.test("FetchProgress has a bar for each file, with rate and time left, and all in one line", () => {
  assert.deepEqual(underWay().bars(1000, 100).split("\n"), [
    "vmlinuz              [##############################] 10.0 MB",
    "initrd.img           [######################........] 75 % of 40.0 MB, 10.0 MB/s, 1 s left",
    "live/rootfs.squashfs [..............................] waiting, 1.9 GB",
    "1 of 3 files, 2 % of 2.0 GB, 10.0 MB/s, 4 min left",
  ]);
});

Deno.test("FetchProgress says nothing of a rate that nobody can know yet, nor counts what was there before", () => {
  const progress = new FetchProgress(FILES);
  assert.equal(progress.line(0), "0 of 3 files, 0 % of 2.0 GB");
  progress.receive(event("resumed", "initrd.img", 39 * MB), 1000);
  assert.equal(progress.line(1100), "0 of 3 files, 1 % of 2.0 GB");
  progress.receive(event("progress", "initrd.img", 39.5 * MB), 2000);
  assert.match(progress.line(2000), / 500\.0 kB\/s, /);
});

Deno.test("FetchProgress tells the rate of the last seconds, and that nothing comes", () => {
  const progress = underWay();
  assert.match(progress.line(3000), /, 3\.3 MB\/s, 10 min left$/);
  assert.match(progress.line(60_000), / 2 % of 2\.0 GB, 0 bytes\/s$/);
  const stopped = underWay();
  for (let ms = 2000; ms <= 9000; ms += 1000) {
    stopped.receive(event("progress", "initrd.img", 30 * MB), ms);
  }
  assert.match(stopped.line(9000), /% of 2\.0 GB, 0 bytes\/s$/);
});

Deno.test("FetchProgress takes back what turned out to be wrong", () => {
  const progress = underWay();
  progress.receive(event("progress", "initrd.img", 4 * MB), 1100);
  assert.match(progress.bars(1400, 100), /\[###\.+\] 10 % of 40\.0 MB/);
  progress.receive(event("progress", "of nobody", 1), 1200);
});

Deno.test("FetchProgress of one file is one line, of an empty one whole", () => {
  const progress = new FetchProgress([{ path: "empty", sizeBytes: 0 }]);
  progress.receive(event("verified", "empty", 0), 0);
  assert.equal(progress.bars(0, 60), `empty [${"#".repeat(30)}] 0 bytes`);
});

Deno.test("FetchProgress shows those of many files that are coming, six at most", () => {
  const files = Array.from({ length: 1000 }, (_, i) => ({
    path: `f${i}`,
    sizeBytes: 1000,
  }));
  const progress = new FetchProgress(files);
  for (const { path } of files.slice(0, 500)) {
    progress.receive({ kind: "kept", path, bytes: 1000, sizeBytes: 1000 }, 0);
  }
  assert.equal(progress.bars(0, 100), "500 of 1000 files, 50 % of 1.0 MB");
  for (const { path } of files.slice(500)) {
    progress.receive({ kind: "started", path, bytes: 0, sizeBytes: 1000 }, 0);
  }
  for (const { path } of files.slice(510, 530)) {
    progress.receive({ kind: "progress", path, bytes: 0, sizeBytes: 1000 }, 0);
  }
  const lines = progress.bars(0, 100).split("\n");
  assert.equal(lines.length, 7);
  assert.match(lines[0] ?? "", /^f510 \[\.+\] 0 % of 1\.0 kB$/);
});

Deno.test("FetchProgress fits every terminal, and holds nothing that moves its cursor", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.string({ unit: "binary" }), fc.nat()), {
      maxLength: 12,
    }),
    fc.integer({ min: 1, max: 200 }),
    fc.nat({ max: 100_000 }),
    (named, columns, ms) => {
      const files = named.map(([path, sizeBytes]) => ({ path, sizeBytes }));
      const progress = new FetchProgress(files);
      for (const { path, sizeBytes } of files) {
        const bytes = Math.floor(sizeBytes / 2);
        progress.receive({ kind: "started", path, bytes: 0, sizeBytes }, 0);
        progress.receive({ kind: "progress", path, bytes, sizeBytes }, ms);
      }
      const lines = progress.bars(ms + 300, columns).split("\n");
      assert.ok(lines.length <= 7);
      for (const line of lines) {
        assert.ok(line.length <= Math.max(1, columns - 1), line);
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
      }
    },
  ));
});

Deno.test("formatBytes() counts in powers of ten", () => {
  for (
    const [bytes, text] of [
      [0, "0 bytes"],
      [999, "999 bytes"],
      [1000, "1.0 kB"],
      [14_249_999, "14.2 MB"],
      [999_960, "1.0 MB"],
      [2e15, "2000.0 TB"],
    ] as const
  ) assert.equal(formatBytes(bytes), text);
});
