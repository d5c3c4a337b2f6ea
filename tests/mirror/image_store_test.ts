import assert from "node:assert/strict";
import { join } from "node:path";
import { mirrorDisk } from "../../lib/cli/mirror_disk.ts";
import { workPaths } from "../../lib/fetch/work_directory.ts";
import type { VerifiedManifest } from "../../lib/manifest/verify_envelope.ts";
import { ImageStore } from "../../lib/mirror/image_store.ts";
import { verified } from "../support/memory_source.ts";
import { temporaryDirectory } from "../support/programs.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const { signal } = new AbortController();

function release(
  manifestVersion: number,
  content: string,
  kernel = content,
): VerifiedManifest {
  const base = verified({ manifestVersion, contentSha256: content.repeat(64) });
  return {
    ...base,
    manifest: {
      ...base.manifest,
      kernel: { ...base.manifest.kernel, sha256: kernel.repeat(64) },
    },
    bytes: new TextEncoder().encode(`manifest ${manifestVersion}`),
  };
}

const OLD = release(1, "a");
const NEW = release(2, "b");

/** A release that was fetched, in its directory. */
async function fetched(store: ImageStore, one: VerifiedManifest) {
  const directory = store.directoryOf(one);
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeFile(join(directory, "manifest.json"), one.bytes);
  await Deno.writeTextFile(join(directory, "vmlinuz"), "kernel");
  return directory;
}

async function namesIn(path: string): Promise<string[]> {
  const names = [];
  for await (const { name } of Deno.readDir(path)) names.push(name);
  return names.sort();
}

Deno.test("ImageStore puts a release in the place of another by one rename, and keeps the other", async () => {
  await using directory = await temporaryDirectory();
  const artifactsDir = directory.path;
  const store = new ImageStore(IMAGE, { artifactsDir, disk: mirrorDisk });
  assert.equal(await store.stored({ signal }), undefined);

  const old = await fetched(store, OLD);
  await store.putInPlace(old);
  const next = await fetched(store, NEW);
  await store.putInPlace(next);

  assert.deepEqual(await store.stored({ signal }), {
    directory: await Deno.realPath(next),
    manifest: NEW.bytes,
    kind: "release",
  });
  assert.equal(
    await Deno.readLink(store.path),
    ".arm64@2-bbbbbbbbbbbbbbbb",
    "relative, so that the whole tree can be moved",
  );
  assert.equal(await Deno.readTextFile(join(old, "vmlinuz")), "kernel");
});

Deno.test("ImageStore tells a mirror's release from what others have put there", async () => {
  await using directory = await temporaryDirectory();
  const artifactsDir = directory.path;
  const store = new ImageStore(IMAGE, { artifactsDir, disk: mirrorDisk });
  const kind = async () => (await store.stored({ signal }))?.kind;

  await Deno.mkdir(store.path, { recursive: true });
  assert.equal(await kind(), "empty");
  await store.clear();
  assert.equal(await kind(), undefined);

  await Deno.symlink("nowhere", store.path);
  assert.equal(await kind(), undefined, "a link to nowhere");
  await store.putInPlace(await fetched(store, OLD));
  assert.equal(await kind(), "release", "which takes its place");

  await Deno.remove(store.path);
  await Deno.mkdir(join(artifactsDir, "by-hand"));
  await Deno.symlink("../by-hand", store.path);
  assert.equal(await kind(), "link");
});

Deno.test("ImageStore takes over a directory as it is", async () => {
  await using directory = await temporaryDirectory();
  const artifactsDir = directory.path;
  const store = new ImageStore(IMAGE, { artifactsDir, disk: mirrorDisk });
  await Deno.mkdir(store.path, { recursive: true });
  await Deno.writeTextFile(join(store.path, "vmlinuz"), "kernel");
  const { ino } = await Deno.stat(join(store.path, "vmlinuz"));

  await store.adopt(OLD);

  assert.equal((await store.stored({ signal }))?.kind, "release");
  assert.equal((await Deno.stat(join(store.path, "vmlinuz"))).ino, ino);
});

Deno.test("ImageStore copies what two releases have in common, and leaves the file on offer untouched", async () => {
  await using directory = await temporaryDirectory();
  const artifactsDir = directory.path;
  const store = new ImageStore(IMAGE, { artifactsDir, disk: mirrorDisk });
  const from = await fetched(store, OLD);
  const before = await Deno.stat(join(from, "vmlinuz"));

  const same = release(2, "b", "a");
  await store.prepare(same, OLD);
  const other = release(3, "c");
  await store.prepare(other, OLD);

  const { work } = workPaths(store.directoryOf(other));
  // What was there of the one is taken for the other, and removed by its fetch
  // where it has no use for it.
  assert.deepEqual(await namesIn(work), [`${"a".repeat(64)}.part`]);
  assert.equal(
    await Deno.readTextFile(join(work, `${"a".repeat(64)}.part`)),
    "kernel",
  );
  await assert.rejects(Deno.stat(workPaths(store.directoryOf(same)).work));
  const after = await Deno.stat(join(from, "vmlinuz"));
  // A link would have changed it, and a download of it would be refused.
  assert.deepEqual([after.ctime, after.nlink], [before.ctime, 1]);
});

Deno.test("ImageStore renews a manifest where it lies", async () => {
  await using directory = await temporaryDirectory();
  const artifactsDir = directory.path;
  const store = new ImageStore(IMAGE, { artifactsDir, disk: mirrorDisk });
  await store.putInPlace(await fetched(store, OLD));
  const bytes = new TextEncoder().encode("renewed");
  await store.renew({ ...OLD, bytes });
  assert.deepEqual((await store.stored({ signal }))?.manifest, bytes);
});

Deno.test("ImageStore removes what is not kept of its own image, and nothing else", async () => {
  await using directory = await temporaryDirectory();
  const artifactsDir = directory.path;
  const store = new ImageStore(IMAGE, { artifactsDir, disk: mirrorDisk });
  const old = await fetched(store, OLD);
  const next = await fetched(store, NEW);
  const gone = await fetched(store, release(3, "c"));
  const channel = join(artifactsDir, "stable");
  const beside = [".x86_64@1-aaaaaaaaaaaaaaaa", ".arm64.bak", "arm64v8"];
  const fetching = [
    `.${next.slice(channel.length + 1)}.fetch`,
    `.${gone.slice(channel.length + 1)}.fetch`,
  ];
  for (const name of [...beside, ...fetching]) {
    await Deno.mkdir(join(channel, name));
  }

  await store.removeOthers([join(old, "vmlinuz"), next]);

  assert.deepEqual(
    await namesIn(channel),
    [
      ...[old, next].map((path) => path.slice(channel.length + 1)),
      ...[...beside, fetching[0]],
    ].sort(),
  );
});
