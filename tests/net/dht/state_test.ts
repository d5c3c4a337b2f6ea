import fc from "fast-check";
import assert from "node:assert/strict";
import {
  decodeDhtState,
  encodeDhtState,
  keepDhtState,
  loadDhtState,
} from "../../../lib/net/dht/state.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";

const PATH = "/state/dht.json";
const STATE = {
  peers: ["/ip4/192.0.2.7/tcp/4001"],
  records: [{
    key: "/phase/a/b/manifest",
    value: Uint8Array.of(1, 2),
    origin: { host: "192.0.2.7", peer: "12D3KooW" },
  }],
};
const NONE = { peers: [], records: [] };

function open(): {
  file: Parameters<typeof loadDhtState>[0] & {
    fileSystem: MemoryFileSystem;
    logger: MemoryLogger;
  };
} {
  const fileSystem = new MemoryFileSystem().directory("/state");
  return { file: { fileSystem, path: PATH, logger: new MemoryLogger() } };
}

Deno.test("decodeDhtState() reads what encodeDhtState() wrote", () => {
  assert.deepEqual(decodeDhtState(encodeDhtState(STATE)), STATE);
});

Deno.test("decodeDhtState() leaves out what is malformed", () => {
  const text = JSON.stringify({
    peers: [7, "garbage", ...STATE.peers, null],
    records: [7, null, {}, { key: 1, value: "" }, { key: "k", value: "%" }, {
      key: "/phase/a/b/manifest",
      value: "AQI=",
      host: "192.0.2.7",
      peer: "12D3KooW",
    }],
  });
  assert.deepEqual(decodeDhtState(text), STATE);
  fc.assert(fc.property(
    fc.oneof(fc.string(), fc.json()),
    (text) => void decodeDhtState(text),
  ));
});

Deno.test("loadDhtState() begins anew without a file", async () => {
  const { file } = open();
  assert.deepEqual(await loadDhtState(file), NONE);
  assert.deepEqual(file.logger.lines, []);
});

Deno.test("loadDhtState() takes an empty file for none", async () => {
  const { file } = open();
  file.fileSystem.file(PATH, "");
  assert.deepEqual(await loadDhtState(file), NONE);
  assert.deepEqual(file.logger.lines, []);
});

Deno.test("loadDhtState() refuses what a newer program made, and leaves it as it is", async () => {
  const { file } = open();
  const text = encodeDhtState(STATE).replace(/"format":\d+/, '"format":99');
  file.fileSystem.file(PATH, text);
  await assert.rejects(
    loadDhtState(file),
    /^UserError: Cannot use ".*newer version.* the DHT is joined from scratch$/,
  );
  assert.equal(await file.fileSystem.readText(PATH), text);
});

for (const text of ['{"peers":', "null", "7"]) {
  Deno.test(`loadDhtState() sets a damaged file aside and says so: ${JSON.stringify(text)}`, async () => {
    const { file } = open();
    file.fileSystem.file(PATH, text);
    assert.deepEqual(await loadDhtState(file), NONE);
    assert.equal(await file.fileSystem.readText(`${PATH}.damaged`), text);
    assert.deepEqual(file.logger.lines, [
      `WARN Moved "${PATH}" to "${PATH}.damaged", since it is damaged: the DHT is joined from scratch`,
    ]);
    assert.deepEqual(await loadDhtState(file), NONE);
    assert.equal(file.logger.lines.length, 1);
  });
}

Deno.test("loadDhtState() warns when it may not read", async () => {
  const { file } = open();
  file.fileSystem.file(PATH, "{}").setReadable(PATH, false);
  assert.deepEqual(await loadDhtState(file), NONE);
  assert.match(
    file.logger.lines.join(),
    /^WARN Cannot read .*: permission denied: the DHT is joined from scratch$/,
  );
});

Deno.test("keepDhtState() writes each minute what has changed, and at the end", async () => {
  const { file } = open();
  const clock = new FakeClock();
  const closing = new AbortController();
  let state = { ...STATE };
  const kept = keepDhtState(file, {
    current: () => Promise.resolve(state),
    clock,
    signal: closing.signal,
  });
  await clock.advance(60_000);
  assert.deepEqual(await loadDhtState(file), STATE);
  const { inode, mode } = await file.fileSystem.stat(PATH);
  assert.equal(mode, 0o600);
  await clock.advance(60_000);
  assert.equal((await file.fileSystem.stat(PATH)).inode, inode, "unchanged");
  state = { ...STATE, peers: [] };
  closing.abort();
  await kept;
  assert.deepEqual((await loadDhtState(file)).peers, []);
  assert.equal(clock.pending, 0);
});

Deno.test("keepDhtState() warns once while it cannot write, and goes on", async () => {
  const { file } = open();
  const clock = new FakeClock();
  const closing = new AbortController();
  file.fileSystem.remove("/state");
  const kept = keepDhtState(file, {
    current: () => Promise.resolve(STATE),
    clock,
    signal: closing.signal,
  });
  await clock.advance(180_000);
  assert.equal(file.logger.lines.length, 1);
  assert.match(file.logger.lines[0] ?? "", /^WARN Cannot save the DHT peers/);
  file.fileSystem.directory("/state");
  await clock.advance(60_000);
  assert.deepEqual(await loadDhtState(file), STATE);
  closing.abort();
  await kept;
});
