import assert from "node:assert/strict";
import { Bell } from "../../lib/core/bell.ts";
import { readEnvelope } from "../../lib/manifest/verify_envelope.ts";
import { ImageLibrary } from "../../lib/provider/image_library.ts";
import {
  type DiskLook,
  keepOffering,
  offerFirst,
} from "../../lib/provider/keep_offering.ts";
import { Reconciler } from "../../lib/provider/reconciler.ts";
import { ArtifactWatcher } from "../../lib/scan/artifact_watcher.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryAdvertiser } from "../support/memory_advertiser.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const KERNEL = "/srv/testing/x86_64/vmlinuz";
const [key] = await Promise.all([testSigningKey(1)]);

/** What a test looks at and changes. */
interface Provider {
  readonly fs: MemoryFileSystem;
  readonly clock: FakeClock;
  readonly advertiser: MemoryAdvertiser;
  readonly library: ImageLibrary;
  readonly lines: string[];
  readonly bell: Bell;
  /** The time now, as a file's. */
  now(): string;
  /** Lets time pass. */
  pass(durationMs: number): Promise<void>;
}

/** Runs a provider without sockets, on a disk in memory, for a test. */
async function withProvider(
  { watches = true, expiresDays = 30 }: {
    watches?: boolean;
    expiresDays?: number;
  },
  test: (provider: Provider) => Promise<void>,
): Promise<void> {
  const fs = new MemoryFileSystem().file("/srv/stable/arm64/vmlinuz");
  if (!watches) fs.watchTrouble = "no watches left";
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const advertiser = new MemoryAdvertiser();
  const stopping = new AbortController();
  const { signal } = stopping;
  const bell = new Bell();
  const library = new ImageLibrary({
    scan: { artifactsDir: "/srv" },
    stateDir: "/state",
    loadSigners: () => Promise.resolve([key]),
    expiresDays,
    fileSystem: fs,
    clock,
    logger,
  });
  const tree = await library.tree();
  using watcher = new ArtifactWatcher({
    fileSystem: fs,
    clock,
    logger,
    onChange(paths) {
      tree.noteChange(paths);
      bell.ring();
    },
    onWriter: (path, writer) => tree.noteWriter(path, writer),
  });
  const look: DiskLook = {
    library,
    watcher,
    settings: () => ({ artifactsDir: "/srv" }),
    clock,
  };
  const reconciler = new Reconciler({ advertisers: [advertiser], logger });
  await offerFirst(look, { signal });
  const running = keepOffering({
    ...look,
    reconciler,
    bell,
    onReady: () => {},
  }, { signal });
  try {
    await clock.advance(100);
    await test({
      fs,
      clock,
      advertiser,
      library,
      lines: logger.lines,
      bell,
      now: () => new Date(clock.now()).toISOString(),
      pass: (durationMs) => clock.advance(durationMs),
    });
  } finally {
    stopping.abort();
    await running;
  }
  assert.equal(clock.pending, 0, "a timer is left");
}

Deno.test("keepOffering() finds a copied kernel within 2 s of its end, and says one line", () =>
  withProvider({}, async ({ fs, advertiser, lines, now, pass }) => {
    lines.length = 0;
    fs.file(KERNEL, "", { modified: now() });
    for (let i = 0; i < 20; i++) {
      fs.overwrite(KERNEL, "x".repeat(i), now());
      await pass(100);
    }
    assert.deepEqual([...advertiser.published.keys()], ["stable/arm64"]);
    fs.close(KERNEL);
    await pass(2000);
    assert.ok(advertiser.published.has("testing/x86_64"));
    assert.deepEqual(lines, ["INFO Advertising testing/x86_64"]);
  }));

Deno.test("keepOffering() looks three times where a file is replaced: at it, whether it has settled, and when it was read", () =>
  withProvider({}, async ({ fs, library, now, pass }) => {
    const [before] = library.images();
    const look = library.look;
    let looks = 0;
    library.look = (options) => {
      looks++;
      return look.call(library, options);
    };
    fs.file("/elsewhere/next", "another", { modified: now() });
    await fs.rename("/elsewhere/next", "/srv/stable/arm64/vmlinuz");
    await pass(4000);
    assert.notEqual(library.images()[0], before);
    assert.equal(looks, 3);
  }));

Deno.test("keepOffering() withdraws a removed kernel within a second", () =>
  withProvider({}, async ({ fs, advertiser, pass }) => {
    fs.remove("/srv/stable/arm64");
    await pass(500);
    assert.deepEqual([...advertiser.published.keys()], []);
  }));

Deno.test("keepOffering() withdraws within a second also while an advertiser takes its time", () =>
  withProvider({}, async ({ fs, advertiser, pass }) => {
    advertiser.publish = () => new Promise(() => {});
    fs.file(KERNEL);
    await pass(500);
    fs.remove("/srv/stable/arm64");
    await pass(500);
    assert.deepEqual([...advertiser.published.keys()], []);
  }));

Deno.test("keepOffering() looks every few seconds where the disk tells of nothing", () =>
  withProvider(
    { watches: false },
    async ({ fs, advertiser, lines, pass }) => {
      fs.remove("/srv/stable/arm64").file(KERNEL);
      await pass(6000);
      assert.deepEqual([...advertiser.published.keys()], ["testing/x86_64"]);
      const warnings = lines.filter((line) => line.includes("Cannot watch"));
      assert.equal(warnings.length, 1);
    },
  ));

Deno.test("keepOffering() says a fault on disk only when it lasts", () =>
  withProvider({}, async ({ fs, lines, pass }) => {
    lines.length = 0;
    fs.file(KERNEL, "");
    await pass(1000);
    fs.remove(KERNEL);
    await pass(5000);
    assert.deepEqual(lines.filter((line) => line.includes("empty")), []);
    fs.file(KERNEL, "");
    await pass(5000);
    assert.equal(lines.filter((line) => line.includes("empty")).length, 1);
  }));

Deno.test("keepOffering() goes on offering when the disk cannot be read, and recovers", () =>
  withProvider({}, async ({ fs, advertiser, library, lines, pass }) => {
    lines.length = 0;
    fs.setReadable("/srv", false);
    await pass(31_000);
    assert.deepEqual([...advertiser.published.keys()], ["stable/arm64"]);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /permission denied.*still be read is offered/);
    assert.match(
      library.warnings.join(),
      /^Cannot scan the artifacts directory.*is offered$/,
    );
    fs.setReadable("/srv", true).file(KERNEL);
    await pass(2000);
    assert.ok(advertiser.published.has("testing/x86_64"));
    assert.deepEqual(library.warnings, []);
  }));

Deno.test("keepOffering() goes on offering without file descriptors, says so once, and recovers", () =>
  withProvider({}, async ({ fs, bell, advertiser, lines, now, pass }) => {
    lines.length = 0;
    fs.isExhausted = true;
    for (let i = 0; i < 5; i++) {
      bell.ring();
      await pass(7000);
    }
    assert.deepEqual([...advertiser.published.keys()], ["stable/arm64"]);
    assert.deepEqual(lines, [
      "WARN too many are open; only what can still be read is offered",
    ]);
    fs.file(KERNEL, "x", { modified: now() }).close(KERNEL);
    await pass(3000);
    // Of which no event tells.
    fs.isExhausted = false;
    await pass(8000);
    assert.ok(advertiser.published.has("testing/x86_64"));
  }));

Deno.test("keepOffering() withdraws what is lost with the artifacts directory, says so once, and recovers", () =>
  withProvider({}, async ({ fs, advertiser, lines, pass }) => {
    lines.length = 0;
    fs.remove("/srv");
    await pass(31_000);
    assert.deepEqual([...advertiser.published.keys()], []);
    assert.equal(lines.filter((line) => line.startsWith("WARN")).length, 1);
    fs.file(KERNEL);
    await pass(8000);
    assert.deepEqual([...advertiser.published.keys()], ["testing/x86_64"]);
  }));

Deno.test("keepOffering() notices within seconds that another disk was mounted, of which no event tells", () =>
  withProvider({}, async ({ fs, advertiser, pass }) => {
    await pass(3000);
    // In one step, as a mount: the watch hears of the old directory only.
    const forget = fs.silence();
    fs.remove("/srv").file(KERNEL);
    forget();
    await pass(8000);
    assert.deepEqual([...advertiser.published.keys()], ["testing/x86_64"]);
  }));

Deno.test("keepOffering() offers what it can while the state directory is full, and the rest when it is not", () =>
  withProvider({}, async ({ fs, advertiser, lines, pass }) => {
    lines.length = 0;
    const write = fs.writeAtomically;
    fs.writeAtomically = () => Promise.reject(new Error("No space left"));
    fs.file(KERNEL);
    await pass(20_000);
    assert.deepEqual([...advertiser.published.keys()], ["stable/arm64"]);
    assert.deepEqual(lines.filter((line) => line.includes("Cannot offer")), [
      "WARN Cannot offer testing/x86_64: No space left",
    ]);
    fs.writeAtomically = write;
    await pass(6000);
    assert.ok(advertiser.published.has("testing/x86_64"));
  }));

Deno.test("keepOffering() offers the same after the clock jumped a year ahead and back", () =>
  withProvider({}, async ({ clock, advertiser, lines, pass, fs, now }) => {
    lines.length = 0;
    for (const time of ["2027-11-22T12:00:00Z", "2026-11-22T12:10:00Z"]) {
      clock.jumpTo(time);
      await pass(31_000);
      fs.file(KERNEL, "x", { modified: now() }).close(KERNEL);
      await pass(6000);
      assert.ok(advertiser.published.has("testing/x86_64"), time);
      fs.remove(KERNEL);
      await pass(1000);
    }
    assert.deepEqual([...advertiser.published.keys()], ["stable/arm64"]);
    assert.ok(!lines.some((line) => line.includes("stable")), lines.join());
  }));

Deno.test("keepOffering() through a day renews the manifest in time, publishes once and says nothing", () =>
  withProvider(
    { expiresDays: 1 },
    async ({ clock, advertiser, library, lines }) => {
      lines.length = 0;
      const manifest = () => {
        const [image] = library.images();
        assert.ok(image !== undefined);
        const envelope = readEnvelope(image.manifest.bytes);
        assert.ok(envelope.ok);
        return envelope.value;
      };
      const { manifestVersion } = manifest();
      const expiries = new Set<number>();
      for (let minute = 0; minute < 24 * 60; minute++) {
        await clock.advance(60_000);
        const { expiresAtMs } = manifest();
        assert.ok(expiresAtMs - clock.now() > 11 * 3600_000, `at ${minute}`);
        assert.ok(clock.pending <= 2, `${clock.pending} timers`);
        expiries.add(expiresAtMs);
      }
      assert.ok(expiries.size >= 2 && expiries.size <= 3, `${expiries.size}`);
      assert.equal(manifest().manifestVersion, manifestVersion);
      assert.equal(advertiser.calls.length, 1);
      assert.deepEqual(lines, []);
    },
  ));
