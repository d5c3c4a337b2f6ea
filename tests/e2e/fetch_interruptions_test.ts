/**
 * `phase_discover --fetch` that is killed again and again, from providers that
 * fail, die and lie: `deno task e2e --all` does it at full size.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  filesOf,
  openBlobProvider,
  writeLargeFile,
} from "../support/blob_provider.ts";
import type { BlobServer, Misbehaviour } from "../support/blob_server.ts";
import { makeOwnedImage, type OwnedImage } from "../support/owned_image.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const MIB = 1024 * 1024;
const [SIZE_BYTES, KILLS] = Deno.args.includes("--all")
  ? [512 * MIB, 20]
  : [112 * MIB, 6];
/** Of what is needed: pieces that were being sent when it was killed. */
const MAX_TRANSFER = 1.3;
const SEED = 20;

const owner = await testSigningKey(41);
const KEY = ["--key", owner.publicKey.keyId];

interface Lab extends AsyncDisposable {
  readonly owned: OwnedImage;
  /** Where the image is put. */
  readonly place: string;
  /** The command line of a fetch. */
  readonly args: readonly string[];
}

async function openLab(channel: string): Promise<Lab> {
  const { path: root, ...directory } = await temporaryDirectory();
  const below = join(root, "artifacts", `${channel}-${Deno.pid}`, "arm64");
  await Deno.mkdir(below, { recursive: true });
  await writeLargeFile(join(below, "large.img"), SIZE_BYTES);
  const owned = await makeOwnedImage(root, channel, owner);
  const out = join(root, "out");
  const { channel: name, arch } = owned.image;
  return {
    ...directory,
    owned,
    place: join(out, owned.name),
    args: [
      ...["--interface", "lo", "--mode", "lan", "--channel", name],
      ...["--arch", arch, "--fetch", out, ...KEY],
    ],
  };
}

/** The same numbers from 0 to 1 each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = state * 48271 % 0x7fffffff) / 0x7fffffff;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const bytes of file.readable) hash.update(bytes);
  return hash.digest("hex");
}

function watch(directory: string, files: Record<string, string[]>) {
  const program = "../support/programs/image_watcher.ts";
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-prompt"],
      new URL(program, import.meta.url).pathname,
      JSON.stringify({ directory, files }),
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  return async (): Promise<string> => {
    await child.stdin.close();
    return new TextDecoder().decode((await child.output()).stdout);
  };
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    assert.ok(tries < 6000, `${what} did not come to pass`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test({
  name:
    `phase_discover --fetch killed ${KILLS} times has all right, and little of it twice`,
  timeout: 600_000,
  async fn() {
    await using lab = await openLab("fetch-killed");
    const { owned, place } = lab;
    const files = await filesOf(owned);
    const random = randomFrom(SEED);
    const misbehave = (): Misbehaviour | undefined => {
      if (random() > 0.1) return undefined;
      return random() < 0.5
        ? { status: 500 }
        : { cutAfterBytes: Math.floor(random() * 8 * MIB) };
    };
    const options = { files, misbehave, bytesPerSecond: 25 * MIB };
    await using steady = await openBlobProvider("steady", owned, options);
    const providers: BlobServer[] = [steady];
    const sentBytes = () =>
      providers.reduce((sum, one) => sum + one.sentBytes, 0);
    const names = ["large.img", "vmlinuz", "rootfs.squashfs"];
    const expected: Record<string, string[]> = {};
    for (const name of names) {
      expected[name] = [await sha256Of(join(owned.directory, name))];
    }
    const endWatch = watch(place, expected);
    await using mortal = new AsyncDisposableStack();
    providers.push(
      mortal.use(await openBlobProvider("dying", owned, options)),
    );
    for (let kill = 0; kill < KILLS; kill++) {
      if (kill === KILLS / 2) await mortal.disposeAsync();
      const program = start("phase_discover", lab.args);
      const limit = sentBytes() + random() * SIZE_BYTES / KILLS / 1.5;
      await until(() => sentBytes() > limit, `${limit} bytes`);
      await program.end("SIGKILL");
      await assert.rejects(Deno.stat(place), Deno.errors.NotFound);
    }
    const last = await run("phase_discover", lab.args);
    assert.equal(last.code, 0, last.stderr);
    for (const name of names) {
      const sha256 = await sha256Of(join(place, name));
      assert.deepEqual([sha256], expected[name], name);
    }
    const watched = await endWatch();
    assert.match(watched, /^read [1-9]\d*\n$/);
    const transfer = sentBytes() / SIZE_BYTES;
    assert.ok(transfer <= MAX_TRANSFER, `${transfer} of what is needed`);
  },
});

Deno.test({
  name:
    "phase_discover --fetch drops a provider that spoils one byte in a hundred",
  timeout: 300_000,
  async fn() {
    await using lab = await openLab("fetch-spoiled");
    const { owned, place } = lab;
    const files = await filesOf(owned);
    await using spoiling = await openBlobProvider("spoiling", owned, {
      files,
      bytesPerSecond: 25 * MIB,
      misbehave: ({ path }) =>
        path.endsWith("manifest.json") ? undefined : {
          spoil(bytes, offset) {
            if (files.get(path)?.sizeBytes !== SIZE_BYTES) return bytes;
            for (let at = offset % 100; at < bytes.length; at += 100) {
              bytes[at] = (bytes[at] ?? 0) ^ 0xff;
            }
            return bytes;
          },
        },
    });
    await using right = await openBlobProvider("right", owned, {
      files,
      bytesPerSecond: 100 * MIB,
    });
    const fetched = await run("phase_discover", lab.args);
    assert.equal(fetched.code, 0, fetched.stderr);
    assert.match(fetched.stderr, /piece \d+ of sha256:\S+ is wrong/);
    assert.equal(
      await sha256Of(join(place, "large.img")),
      await sha256Of(join(owned.directory, "large.img")),
    );
    // Its first piece, and what was on its way.
    assert.ok(spoiling.sentBytes < 20 * MIB, `${spoiling.sentBytes}`);
    assert.ok(right.sentBytes >= SIZE_BYTES, `${right.sentBytes}`);
  },
});
