import assert from "node:assert/strict";
import {
  imagesServedBefore,
  KeptManifests,
} from "../../lib/provider/kept_manifests.ts";
import {
  machine,
  openLibrary,
  served,
  STABLE,
} from "../support/memory_library.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { MEMORY_CONFIG } from "../support/provider_machine.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const PATH = "/state/manifests/stable/arm64.json";
const { signal } = new AbortController();
const bytes = (text: string) => new TextEncoder().encode(text);

/** A disk that is full until it is told otherwise. */
class FullFileSystem extends MemoryFileSystem {
  isFull = true;

  override writeAtomically(
    ...args: Parameters<MemoryFileSystem["writeAtomically"]>
  ): Promise<boolean> {
    return this.isFull
      ? Promise.reject(new Error(`Cannot write "${args[0]}": no space left`))
      : super.writeAtomically(...args);
  }
}

function open(fileSystem: MemoryFileSystem) {
  const logger = new MemoryLogger();
  const kept = new KeptManifests({ stateDir: "/state", fileSystem, logger });
  return { kept, lines: logger.lines };
}

Deno.test("KeptManifests takes an empty file for none", async () => {
  const { kept } = open(new MemoryFileSystem().file(PATH, ""));
  assert.equal(await kept.find(IMAGE, { signal }), undefined);
});

Deno.test("KeptManifests has what it could not write, says so once, and writes it when it can", async () => {
  const fileSystem = new FullFileSystem();
  const { kept, lines } = open(fileSystem);
  const options = { previous: undefined, canWait: true };
  await kept.keep(IMAGE, bytes("1"), options);
  await kept.keep({ ...IMAGE, arch: "x86_64" }, bytes("2"), options);
  await kept.writeRest();
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? "",
    /^WARN Cannot write "\/state\/manifests\/.*: no space left: .*higher version/,
  );
  assert.deepEqual(await kept.find(IMAGE, { signal }), bytes("1"));

  fileSystem.isFull = false;
  await kept.writeRest();
  assert.equal(await fileSystem.readText(PATH), "1");
  fileSystem.isFull = true;
  await kept.keep(IMAGE, bytes("3"), options);
  assert.equal(lines.length, 2);
});

Deno.test("KeptManifests says that it cannot write what must be written first", async () => {
  const { kept, lines } = open(new FullFileSystem());
  await assert.rejects(
    kept.keep(IMAGE, bytes("1"), { previous: undefined, canWait: false }),
    /no space left/,
  );
  assert.equal(await kept.find(IMAGE, { signal }), undefined);
  assert.deepEqual(lines, []);
});

Deno.test("an image whose manifest cannot be kept is served under the same bytes until it can", async () => {
  const fileSystem = new FullFileSystem();
  fileSystem.file(`${STABLE}/vmlinuz`, "kernel");
  const parts = { ...machine(), fileSystem };
  parts.clock.jumpTo("2026-12-01T12:00:00Z");
  const library = openLibrary(parts);
  const { bytes: first } = await served(library);
  await parts.clock.advance(60_000);
  await library.refresh({ signal });
  assert.deepEqual((await served(library)).bytes, first);
  fileSystem.isFull = false;
  await library.refresh({ signal });
  assert.equal(
    await fileSystem.readText(PATH),
    new TextDecoder().decode(first),
  );
});

Deno.test("an image whose version is counted, not by the clock, is held back until it is kept", async () => {
  const fileSystem = new FullFileSystem();
  fileSystem.file(`${STABLE}/vmlinuz`, "kernel");
  const parts = { ...machine(), fileSystem };
  fileSystem.isFull = false;
  parts.clock.jumpTo("2026-12-02T12:00:00Z");
  await openLibrary(parts).refresh({ signal });
  // The clock was a day ahead when that was signed.
  parts.clock.jumpTo("2026-12-01T12:00:00Z");
  fileSystem.isFull = true;
  fileSystem.file(`${STABLE}/vmlinuz`, "another");
  const library = openLibrary(parts);
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
  assert.match(
    library.warnings.join(),
    /Cannot offer stable\/arm64: .*no space/,
  );
});

Deno.test("imagesServedBefore() names what has a manifest and a directory, and is asked for", async () => {
  const fileSystem = new MemoryFileSystem();
  assert.deepEqual(await imagesServedBefore(MEMORY_CONFIG, fileSystem), []);
  for (
    const kept of [
      "stable/arm64.json",
      "stable/riscv64.json",
      "own/arm64.json",
      "gone/arm64.json",
      "boot/arm64.json",
      "stable/arm64.json.damaged-1/x.json",
      "stable/No Name.json",
    ]
  ) fileSystem.file(`/state/manifests/${kept}`, "{}");
  fileSystem.file("/srv/stable/arm64/vmlinuz", "k")
    .file("/srv/new/arm64/vmlinuz", "k")
    .file("/srv/boot/arm64/vmlinuz", "k");
  const named = async (settings: Partial<typeof MEMORY_CONFIG>) =>
    (await imagesServedBefore({ ...MEMORY_CONFIG, ...settings }, fileSystem))
      .map(({ channel, arch }) => `${channel}/${arch}`).sort();
  assert.deepEqual(await named({}), ["stable/arm64", "stable/riscv64"]);
  assert.deepEqual(
    await named({
      architectures: ["arm64"],
      channelSettings: new Map([["own", { artifactsDir: "/own" }]]),
    }),
    ["own/arm64", "stable/arm64"],
  );
  assert.deepEqual(await named({ channels: ["new"] }), []);
});
