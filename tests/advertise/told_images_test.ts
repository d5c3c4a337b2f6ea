import assert from "node:assert/strict";
import {
  decodeToldImages,
  encodeToldImages,
  loadToldImages,
  type ToldImage,
} from "../../lib/advertise/told_images.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const NODE = ["/ip4/192.0.2.7/tcp/4001/p2p/12D3KooWA"];
const TOLD: ToldImage = {
  image: { channel: "stable", arch: "arm64" },
  version: "7",
  url: "http://192.0.2.7/stable/arm64/manifest.json",
  toldMs: 1_795_334_400_000,
  storedAt: 20,
  toldAt: 21,
};

Deno.test("what others were told is read as it was written, where the node has not moved", () => {
  const text = encodeToldImages(NODE, [TOLD]);
  assert.deepEqual(decodeToldImages(text, NODE), { ok: true, value: [TOLD] });
  const elsewhere = ["/ip4/192.0.2.8/tcp/4001/p2p/12D3KooWA"];
  assert.deepEqual(decodeToldImages(text, elsewhere), { ok: true, value: [] });
});

Deno.test("images that are malformed in the file are left out, and a file that is none is refused", () => {
  const whole = JSON.parse(encodeToldImages(NODE, [TOLD]));
  const [image] = whole.images;
  const bad = [
    null,
    { ...image, channel: "../x" },
    { ...image, arch: undefined },
    { ...image, version: 7 },
    { ...image, url: "" },
    { ...image, toldMs: "now" },
    { ...image, toldMs: 1e300 },
    { ...image, storedAt: undefined },
  ];
  const text = JSON.stringify({ ...whole, images: [...bad, image] });
  assert.deepEqual(decodeToldImages(text, NODE), { ok: true, value: [TOLD] });
  for (const text of ["", "{", "[]", "7", '{"images":{}}']) {
    assert.ok(!decodeToldImages(text, NODE).ok, text);
  }
});

Deno.test("loadToldImages() sets a damaged file aside, and begins without one", async () => {
  const fileSystem = new MemoryFileSystem().directory("/state");
  const logger = new MemoryLogger();
  const file = { fileSystem, path: "/state/dht_told.json", logger };
  assert.deepEqual(await loadToldImages(file, NODE), []);
  const write = (text: string) =>
    fileSystem.writeAtomically(file.path, new TextEncoder().encode(text), {
      mode: 0o600,
    });
  await write(encodeToldImages(NODE, [TOLD]));
  assert.deepEqual(await loadToldImages(file, NODE), [TOLD]);
  await write("{");
  assert.deepEqual(await loadToldImages(file, NODE), []);
  assert.deepEqual(logger.lines, [
    'WARN Moved "/state/dht_told.json" to "/state/dht_told.json.damaged", since it is damaged: all images are published in the DHT at once',
  ]);
  await write('{"format":2}');
  await assert.rejects(loadToldImages(file, NODE), /newer version/);
});
