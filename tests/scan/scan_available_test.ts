import assert from "node:assert/strict";
import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import { formatChannelArch } from "../../lib/core/channel_arch.ts";
import { UserError } from "../../lib/core/errors.ts";
import {
  type FileSystem,
  SystemLimitError,
} from "../../lib/core/file_system.ts";
import {
  scanAvailable,
  type ScanResult,
  type ScanSettings,
} from "../../lib/scan/scan_available.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const { signal } = new AbortController();

function scan(
  fileSystem: FileSystem,
  settings: Partial<ScanSettings> = {},
): Promise<ScanResult> {
  return scanAvailable({ artifactsDir: "/srv", ...settings }, fileSystem, {
    signal,
  });
}

function names(result: ScanResult): { available: string[]; missing: string[] } {
  const name = (
    { image }: { image: Parameters<typeof formatChannelArch>[0] },
  ) => formatChannelArch(image);
  return {
    available: result.available.map(name),
    missing: result.missing.map(name),
  };
}

Deno.test("scanAvailable() finds the specification's two images and names the two missing", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/stable/arm64/vmlinuz").directory("/srv/stable/x86_64")
    .file("/srv/testing/arm64/vmlinuz").directory("/srv/testing/x86_64");
  const result = await scan(fs);
  assert.deepEqual(names(result), {
    available: ["stable/arm64", "testing/arm64"],
    missing: ["stable/x86_64", "testing/x86_64"],
  });
  assert.deepEqual(result.warnings, []);
});

Deno.test("scanAvailable() finds everything missing in an empty directory", async () => {
  const result = await scan(new MemoryFileSystem().directory("/srv"));
  assert.deepEqual(names(result), {
    available: [],
    missing: [
      "stable/arm64",
      "stable/x86_64",
      "testing/arm64",
      "testing/x86_64",
    ],
  });
});

Deno.test("scanAvailable() refuses a missing artifacts directory and says what to do", async () => {
  await assert.rejects(scan(new MemoryFileSystem()), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /"\/srv"/);
    assert.match(error.message, /--artifacts/);
    assert.match(error.message, /deno task demo/);
    return true;
  });
});

Deno.test("scanAvailable() calls a file in place of a directory a file", async () => {
  const file = await Deno.makeTempFile({ prefix: "plasm-test-" });
  try {
    await assert.rejects(
      scan(disk, { artifactsDir: file }),
      /Cannot scan the artifacts directory ".*": it is a file, not a directory/,
    );
    const channelSettings = new Map([["stable", { artifactsDir: file }]]);
    const artifactsDir = import.meta.dirname ?? "";
    const { warnings } = await scan(disk, { artifactsDir, channelSettings });
    assert.match(
      warnings.join("\n"),
      /artifacts_dir of channel stable: it is a file, not a directory; create/,
    );
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("scanAvailable() adds channels and architectures that are only on disk", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/nightly/riscv64/vmlinuz").directory("/srv/nightly/arm64")
    .file("/srv/stable/riscv64/vmlinuz");
  assert.deepEqual(names(await scan(fs)), {
    available: ["stable/riscv64", "nightly/riscv64"],
    missing: [
      "stable/arm64",
      "stable/x86_64",
      "testing/arm64",
      "testing/x86_64",
      "nightly/arm64",
    ],
  });
});

Deno.test("scanAvailable() keeps to configured channels and architectures, in their order", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/nightly/arm64/vmlinuz").file("/srv/stable/riscv64/vmlinuz")
    .file("/srv/stable/arm64/vmlinuz");
  const settings = {
    channels: ["testing", "stable"],
    architectures: ["riscv64", "arm64"],
  };
  assert.deepEqual(names(await scan(fs, settings)), {
    available: ["stable/riscv64", "stable/arm64"],
    missing: ["testing/riscv64", "testing/arm64"],
  });
});

Deno.test("scanAvailable() uses a channel's own directory and architectures", async () => {
  const fs = new MemoryFileSystem()
    .file("/a/arm64/vmlinuz").file("/b/x86_64/vmlinuz");
  const result = await scan(fs, {
    artifactsDir: "/does/not/exist",
    channels: ["stable", "testing"],
    channelSettings: new Map([
      ["stable", { artifactsDir: "/a", architectures: ["arm64"] }],
      ["testing", { artifactsDir: "/b", architectures: ["x86_64"] }],
    ]),
  });
  assert.deepEqual(names(result), {
    available: ["stable/arm64", "testing/x86_64"],
    missing: [],
  });
  assert.equal(result.available[0]?.kernel.path, "/a/arm64/vmlinuz");
});

Deno.test("scanAvailable() does not fail when one channel's own directory is gone", async () => {
  const fs = new MemoryFileSystem().file("/a/arm64/vmlinuz");
  const result = await scan(fs, {
    channels: ["stable", "testing"],
    architectures: ["arm64"],
    channelSettings: new Map([
      ["stable", { artifactsDir: "/a" }],
      ["testing", { artifactsDir: "/b" }],
    ]),
  });
  assert.deepEqual(names(result), {
    available: ["stable/arm64"],
    missing: ["testing/arm64"],
  });
});

Deno.test("scanAvailable() takes alias directories and reports them canonically", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/stable/aarch64/vmlinuz").file("/srv/stable/amd64/vmlinuz")
    .file("/srv/testing/x64/vmlinuz");
  const result = await scan(fs);
  assert.deepEqual(names(result).available, [
    "stable/arm64",
    "stable/x86_64",
    "testing/x86_64",
  ]);
  assert.equal(
    result.available[0]?.kernel.path,
    "/srv/stable/aarch64/vmlinuz",
  );
});

Deno.test("scanAvailable() prefers the canonical directory and says that the alias is ignored", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/stable/aarch64/vmlinuz").file("/srv/stable/arm64/vmlinuz");
  const result = await scan(fs);
  assert.equal(result.available[0]?.directory, "/srv/stable/arm64");
  assert.equal(result.warnings.length, 1);
  assert.match(result.warnings[0] ?? "", /Ignoring.*stable\/aarch64/);
});

Deno.test("scanAvailable() falls back to the alias when the canonical directory has no kernel", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/stable/aarch64/vmlinuz").directory("/srv/stable/arm64");
  const result = await scan(fs);
  assert.equal(result.available[0]?.directory, "/srv/stable/aarch64");
});

Deno.test("scanAvailable() passes over unsafe directory names, each with one warning", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/Stable/arm64/vmlinuz").file("/srv/stable/ARM64/vmlinuz")
    .file("/srv/lost+found/arm64/vmlinuz").file("/srv/.git/arm64/vmlinuz")
    .file("/srv/a\u001bb/arm64/vmlinuz").file("/srv/README");
  const result = await scan(fs);
  assert.deepEqual(names(result).available, []);
  assert.equal(result.warnings.length, 4);
  for (const warning of result.warnings) {
    // deno-lint-ignore no-control-regex -- that is what must not be there
    assert.doesNotMatch(warning, /\u001b/);
  }
});

Deno.test("scanAvailable() takes no directory for a channel whose URLs lead to something else", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/stable/arm64/vmlinuz").file("/srv/boot/arm64/vmlinuz");
  const result = await scan(fs);
  assert.deepEqual(names(result).available, ["stable/arm64"]);
  assert.deepEqual(result.warnings, [
    'Ignoring directory "/srv/boot": not a channel name: /boot/ is a reserved path on every provider; rename it to offer it',
  ]);
});

Deno.test("scanAvailable() reports an unreadable channel and goes on", async () => {
  const fs = new MemoryFileSystem()
    .file("/srv/stable/arm64/vmlinuz").file("/srv/testing/arm64/vmlinuz")
    .setReadable("/srv/testing", false);
  const result = await scan(fs);
  assert.deepEqual(names(result).available, ["stable/arm64"]);
  assert.match(result.warnings.join(), /"\/srv\/testing": permission denied/);
});

Deno.test("scanAvailable() stops when it is aborted", async () => {
  const fs = new MemoryFileSystem().file("/srv/stable/arm64/vmlinuz");
  await assert.rejects(
    scanAvailable({ artifactsDir: "/srv" }, fs, {
      signal: AbortSignal.abort(),
    }),
    { name: "AbortError" },
  );
});

Deno.test("scanAvailable() scans 1,000 channels on a real disk in seconds at the very most", async () => {
  const root = await Deno.makeTempDir();
  try {
    for (let i = 0; i < 1000; i++) {
      const directory = join(root, `c${i}`, "arm64");
      await Deno.mkdir(directory, { recursive: true });
      await Deno.writeTextFile(join(directory, "vmlinuz"), "x");
    }
    const start = performance.now();
    const result = await scan(disk, { artifactsDir: root });
    assert.equal(result.available.length, 1000);
    assert.ok(performance.now() - start < 5000);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("scanAvailable() gives up rather than miss images for want of file descriptors", async () => {
  const fs = new MemoryFileSystem().file("/srv/stable/arm64/vmlinuz");
  fs.isExhausted = true;
  await assert.rejects(
    scanAvailable({ artifactsDir: "/srv" }, fs, { signal }),
    SystemLimitError,
  );
});

Deno.test("scanAvailable() says once of each FIFO in place of a channel, an architecture or a kernel", async () => {
  const fs = new MemoryFileSystem().special("/srv/stable")
    .special("/srv/x").special("/srv/testing/arm64")
    .special("/srv/testing/x86_64/vmlinuz");
  const { available, warnings } = await scanAvailable(
    { artifactsDir: "/srv" },
    fs,
    { signal: new AbortController().signal },
  );
  assert.deepEqual(available, []);
  assert.deepEqual(
    warnings.toSorted(),
    ["stable", "testing/arm64", "testing/x86_64/vmlinuz", "x"].map((name) =>
      `Ignoring "/srv/${name}": it is not a regular file`
    ),
  );
});
