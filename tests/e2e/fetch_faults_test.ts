/**
 * `phase_discover --fetch` onto disks that are full or read-only, from providers
 * without ranges, and of an image that is replaced meanwhile.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  filesOf,
  openBlobProvider,
  writeLargeFile,
} from "../support/blob_provider.ts";
import { sha256Hex } from "../support/blob_server.ts";
import { mountTest } from "../support/mounts.ts";
import { makeOwnedImage, type OwnedImage } from "../support/owned_image.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const MIB = 1024 * 1024;
const SIZE_BYTES = 96 * MIB;

const owner = await testSigningKey(42);
const KEY = ["--key", owner.publicKey.keyId];

interface Lab extends AsyncDisposable {
  readonly root: string;
  readonly owned: OwnedImage;
}

async function openLab(channel: string): Promise<Lab> {
  const { path: root, ...directory } = await temporaryDirectory();
  const below = join(root, "artifacts", `${channel}-${Deno.pid}`, "arm64");
  await Deno.mkdir(below, { recursive: true });
  await writeLargeFile(join(below, "large.img"), SIZE_BYTES);
  const owned = await makeOwnedImage(root, channel, owner);
  return { ...directory, root, owned };
}

/** The command line of a fetch. */
function fetchTo(
  out: string,
  { channel, arch }: OwnedImage["image"],
  key: readonly string[] = KEY,
): string[] {
  return [
    ...["--interface", "lo", "--mode", "lan", "--channel", channel],
    ...["--arch", arch, "--fetch", out, ...key],
  ];
}

async function digestOf(path: string): Promise<string> {
  return sha256Hex(await Deno.readFile(path));
}

async function until(isTrue: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !isTrue(); tries++) {
    assert.ok(tries < 6000, `${what} did not come to pass`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

await mountTest(
  "phase_discover --fetch onto a disk that is full, or fills up, says so and goes on when there is room",
  [],
  async (mounts) => {
    await using lab = await openLab("fetch-full");
    const { owned, root } = lab;
    const files = await filesOf(owned);
    await using provider = await openBlobProvider("full", owned, {
      files,
      bytesPerSecond: 20 * MIB,
    });
    const out = join(root, "out");
    await Deno.mkdir(out);
    await mounts.mount("-t", "tmpfs", "-o", "size=64m", "none", out);
    const options = { prefix: mounts.prefix };
    const args = fetchTo(out, owned.image);
    const refused = await run("phase_discover", args, options);
    assert.equal(refused.code, 5, refused.stderr);
    assert.match(
      refused.stderr,
      /Cannot fetch 97 MiB into ".*": 64 MiB are free; free some/,
    );
    assert.ok(provider.sentBytes < MIB);

    await mounts.mount("-o", "remount,size=140m", out);
    const filling = start("phase_discover", args, options);
    await until(() => provider.sentBytes > 20 * MIB, "20 MiB");
    const filler = join(out, "filler");
    await mounts.run("fallocate", ["-l", `${90 * MIB}`, filler]);
    const full = await filling.ended();
    assert.equal(full.code, 5, full.stderr);
    assert.match(
      full.stderr,
      /No space is left to fetch into ".*No space left/,
    );
    const sentBytes = provider.sentBytes;
    assert.ok(sentBytes < 80 * MIB, `${sentBytes}`);

    await mounts.run("rm", [filler]);
    const fetched = await run("phase_discover", args, options);
    assert.equal(fetched.code, 0, fetched.stderr);
    const place = join(out, owned.name);
    const digest = await mounts.run("sha256sum", [join(place, "large.img")]);
    assert.equal(
      digest.slice(0, 64),
      await digestOf(join(owned.directory, "large.img")),
    );
    // What was there when it was full is not fetched again.
    assert.ok(provider.sentBytes < SIZE_BYTES * 1.3);
    const left = await mounts.run("ls", ["-A", join(place, "..")]);
    assert.equal(left, "arm64\n");
  },
);

await mountTest(
  "phase_discover --fetch onto a disk that is read-only says so",
  [],
  async (mounts) => {
    await using lab = await openLab("fetch-read-only");
    const { owned, root } = lab;
    const files = await filesOf(owned);
    await using provider = await openBlobProvider("ro", owned, { files });
    const out = join(root, "out");
    await Deno.mkdir(out);
    await mounts.mount("-t", "tmpfs", "-o", "ro", "none", out);
    const ended = await run("phase_discover", fetchTo(out, owned.image), {
      prefix: mounts.prefix,
    });
    assert.equal(ended.code, 5, ended.stderr);
    assert.match(
      ended.stderr,
      /Cannot fetch into ".*" \(.*Read-only file system.*\): name a directory that can be written/,
    );
    assert.ok(provider.sentBytes < MIB);
  },
);

Deno.test("phase_discover --fetch has all from a provider without ranges, and what one lacks from another", async () => {
  await using lab = await openLab("fetch-no-range");
  const { owned, root } = lab;
  const files = await filesOf(owned);
  const large =
    [...files].find(([, { sizeBytes }]) => sizeBytes === SIZE_BYTES)?.[0] ?? "";
  const without = new Map(files);
  without.delete(large);
  await using _lacking = await openBlobProvider("lacking", owned, {
    files: without,
  });
  await using plain = await openBlobProvider("plain", owned, {
    files,
    etag: () => undefined,
    misbehave: ({ number, path }) => ({
      isRangeIgnored: true,
      ...number % 3 === 0 && path === large &&
        { cutAfterBytes: 50 * MIB },
    }),
  });
  const out = join(root, "out");
  const fetched = await run("phase_discover", fetchTo(out, owned.image));
  assert.equal(fetched.code, 0, fetched.stderr);
  assert.equal(
    await digestOf(join(out, owned.name, "large.img")),
    await digestOf(join(owned.directory, "large.img")),
  );
  assert.ok(plain.sentBytes < SIZE_BYTES * 2.5, `${plain.sentBytes}`);
});

Deno.test("phase_discover --fetch finishes an image that is replaced meanwhile, by its blobs", async () => {
  await using lab = await temporaryDirectory();
  const image = { channel: `fetch-moved-${Deno.pid}`, arch: "arm64" };
  const directory = join(lab.path, "artifacts", image.channel, image.arch);
  await Deno.mkdir(directory, { recursive: true });
  const put = async (name: string, sizeBytes: number) => {
    await writeLargeFile(join(lab.path, name), sizeBytes);
    await Deno.rename(join(lab.path, name), join(directory, name));
  };
  await put("vmlinuz", MIB);
  await put("large.img", SIZE_BYTES);
  const old = await digestOf(join(directory, "large.img"));
  const config = join(lab.path, "plasmd.toml");
  await Deno.writeTextFile(
    config,
    `[provider]\nchannels = ["${image.channel}"]\narchitectures = ["arm64"]\n` +
      `[http]\nmax_rate_per_connection = ${5 * MIB}\n`,
  );
  await using provider = start("plasmd", [
    ...["serve", "--config", config, "--port", "0", "--interface", "lo"],
    ...["--artifacts", join(lab.path, "artifacts"), "--no-dht"],
    ...["--state-dir", join(lab.path, "state")],
  ]);
  const [, key = ""] = await provider.line(/trust (ed25519:[0-9a-f]{64})/);
  await provider.line(/Advertising fetch-moved/);
  const out = join(lab.path, "out");
  const fetching = start(
    "phase_discover",
    fetchTo(out, image, ["--key", key]),
  );
  const work = join(out, image.channel, ".arm64.fetch");
  // It is being sent, so that the provider has it open.
  await until(() => partBytes(work) > 4 * MIB, "4 MiB");
  await put("large.img", SIZE_BYTES);
  await put("vmlinuz", MIB);
  const replaced = await digestOf(join(directory, "large.img"));
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  for (let isNew = false; !isNew;) {
    const manifest = `${url}/${image.channel}/arm64/manifest.json`;
    isNew = (await (await fetch(manifest)).text()).includes(replaced);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(partBytes(work) > 0, "it was done before the image was replaced");
  const { code, stderr } = await fetching.ended();
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /once more/);
  const place = join(out, image.channel, "arm64");
  assert.equal(await digestOf(join(place, "large.img")), old);
  const manifest = await Deno.readTextFile(join(place, "manifest.json"));
  assert.ok(manifest.includes(old));
});

/** How much of the largest file is there. */
function partBytes(work: string): number {
  try {
    return Math.max(
      ...[...Deno.readDirSync(work)]
        .filter(({ name }) => name.endsWith(".part"))
        .map(({ name }) => Deno.statSync(join(work, name)).size),
    );
  } catch {
    return 0;
  }
}
