import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

const [CHANNEL, ARCH] = ["e2e-pieces", "x86_64"] as const;
const MIB = 1024 * 1024;
const ROOTFS_BYTES = 65 * MIB;

function serve(root: string): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", CHANNEL, "--arch", ARCH, "--interface", "lo"],
    ...["--port", "0", "--no-dht", "--no-mdns"],
    ...["--state-dir", join(root, "state")],
  ]);
}

async function get(url: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  assert.equal(response.status, 200, String(url));
  return await response.bytes();
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Its manifest as bytes, and what it says of its artifacts. */
async function manifestOf(provider: RunningProgram) {
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(new RegExp(`Serving ${CHANNEL}/${ARCH}`));
  const bytes = await get(`${url}/${CHANNEL}/${ARCH}/manifest.json`);
  const { artifacts } = JSON.parse(new TextDecoder().decode(bytes));
  return { url, bytes, artifacts };
}

Deno.test("a large file can be verified piece by piece, and is not read again by the next start", async () => {
  await using directory = await temporaryDirectory();
  await makeFiles(join(directory.path, "artifacts", CHANNEL, ARCH), {
    "vmlinuz": 1000,
    "rootfs.img": ROOTFS_BYTES,
  });
  const first = await (async () => {
    await using provider = serve(directory.path);
    const { url, bytes, artifacts } = await manifestOf(provider);
    const { hash, size, pieces } = artifacts.rootfs;
    assert.equal(artifacts.kernel.pieces, undefined);
    assert.equal(size, ROOTFS_BYTES);
    assert.equal(pieces.size, 4 * MIB);

    const list = await get(
      `${url}/blobs/sha256/${pieces.hash.slice("sha256:".length)}`,
    );
    assert.equal(`sha256:${sha256(list)}`, pieces.hash);
    const rootfs = await get(
      `${url}/blobs/sha256/${hash.slice("sha256:".length)}`,
    );
    assert.equal(`sha256:${sha256(rootfs)}`, hash);
    const digests = Array.from(
      { length: Math.ceil(size / pieces.size) },
      (_, i) => sha256(rootfs.subarray(i * pieces.size, (i + 1) * pieces.size)),
    );
    assert.equal(list.toHex(), digests.join(""));
    return bytes;
  })();

  await using again = serve(directory.path);
  const { bytes } = await manifestOf(again);
  assert.deepEqual(bytes, first);
  const io = await Deno.readTextFile(`/proc/${again.pid}/io`);
  const readBytes = Number(/rchar: (\d+)/.exec(io)?.[1]);
  assert.ok(readBytes < ROOTFS_BYTES, `${readBytes} bytes were read`);
});
