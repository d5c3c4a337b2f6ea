/** That what is served is what was hashed, whatever is mounted where it lay. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { type Mounts, mountTest } from "../support/mounts.ts";
import {
  type Ended,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { sha256Hex } from "../support/memory_catalog.ts";

const IMAGE = "stable/x86_64";
const SIZE_BYTES = 256 * 1024;
const TIME = "1700000000";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Two images of one file each, alike in all that stat(2) tells, and its hashes. */
async function makeTwins(mounts: Mounts, root: string): Promise<string[]> {
  const hashes: string[] = [];
  for (const name of ["A", "B"]) {
    await makeFiles(root, { [`${name}/vmlinuz`]: SIZE_BYTES });
    hashes.push(
      await sha256Hex(await Deno.readFile(join(root, name, "vmlinuz"))),
    );
    await mounts.run("mksquashfs", [
      ...[join(root, name), join(root, `${name}.sqfs`)],
      ...["-all-time", TIME, "-all-root", "-quiet", "-no-progress"],
    ]);
  }
  return hashes;
}

function serve(mounts: Mounts, root: string): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", "stable", "--arch", "x86_64", "--interface", "lo"],
    ...["--bind", "127.0.0.1", "--port", "0", "--no-dht", "--no-mdns"],
    ...["--state-dir", join(root, "state")],
  ], { prefix: mounts.prefix });
}

/** Beside a provider, which holds the state directory. */
function verify(mounts: Mounts, root: string): Promise<Ended> {
  return run("plasmd", [
    ...["scan", "--verify", "--json", "--artifacts", join(root, "artifacts")],
    ...["--channel", "stable", "--arch", "x86_64"],
    ...["--state-dir", join(root, "state")],
  ], { prefix: mounts.prefix });
}

async function urlOf(provider: RunningProgram): Promise<string> {
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(/Serving stable\/x86_64/);
  return url;
}

/** The hash that the manifest names. */
async function promised(url: string): Promise<string> {
  const response = await fetch(`${url}/${IMAGE}/manifest.json`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return /sha256:([0-9a-f]{64})/.exec(text)?.[1] ?? text;
}

/** What a path gives: the hash of the body, or the status. */
async function download(url: string): Promise<string | number> {
  const response = await fetch(url);
  const body = await response.bytes();
  return response.ok ? await sha256Hex(body) : response.status;
}

await mountTest(
  "a squashfs mounted over its twin is read again, and never sent under the old hash",
  ["mksquashfs"],
  async (mounts) => {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const [a = "", b = ""] = await makeTwins(mounts, root);
    const place = join(root, "artifacts", IMAGE);
    await Deno.mkdir(place, { recursive: true });
    await mounts.mount("-o", "loop,ro", join(root, "A.sqfs"), place);
    {
      await using provider = serve(mounts, root);
      const url = await urlOf(provider);
      assert.equal(await promised(url), a);
      assert.equal(await download(`${url}/blobs/sha256/${a}`), a);
      await pause(2000);
      // So that it sees nothing in between.
      Deno.kill(provider.pid, "SIGSTOP");
      const before = await mounts.run("stat", ["-c", "%d %i %s %Y %Z", place]);
      await mounts.unmount(place);
      await mounts.mount("-o", "loop,ro", join(root, "B.sqfs"), place);
      const after = await mounts.run("stat", ["-c", "%d %i %s %Y %Z", place]);
      const verified = await verify(mounts, root);
      Deno.kill(provider.pid, "SIGCONT");
      assert.equal(verified.code, 1, verified.stderr);
      assert.match(verified.stderr, /^ERROR 1 of 1 files is not what/m);
      const { verified: [file], error } = JSON.parse(verified.stdout);
      assert.ok(error);
      assert.deepEqual(
        [file.outcome, file.expected, file.sha256],
        ["differs", a, b],
      );
      assert.equal(after, before, "the twins differ to stat(2)");
      const startMs = performance.now();
      for (let now = a; now !== b; now = await promised(url)) {
        assert.notEqual(await download(`${url}/blobs/sha256/${a}`), b);
        const named = await fetch(`${url}/${IMAGE}/vmlinuz`);
        const body = await sha256Hex(await named.bytes());
        if (named.ok) assert.equal(named.headers.get("etag"), `"${body}"`);
        else assert.equal(named.status, 503);
        assert.ok(performance.now() - startMs < 20_000, "never noticed");
        await pause(100);
      }
      assert.equal(await download(`${url}/blobs/sha256/${b}`), b);
      assert.equal((await verify(mounts, root)).code, 0);
    }
    await mounts.unmount(place);
    await mounts.mount("-o", "loop,ro", join(root, "A.sqfs"), place);
    await using restarted = serve(mounts, root);
    const url = await urlOf(restarted);
    assert.equal(await promised(url), a);
    assert.equal(await download(`${url}/${IMAGE}/vmlinuz`), a);
  },
);

await mountTest(
  "a file system that is served, and idle for a second, is unmounted at the first try",
  ["mksquashfs"],
  async (mounts) => {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const place = join(root, "artifacts", IMAGE);
    await Deno.mkdir(place, { recursive: true });
    const names = ["vmlinuz", ...Array.from({ length: 20 }, (_, i) => `${i}`)];
    await makeFiles(
      join(root, "A"),
      Object.fromEntries(names.map((name) => [name, SIZE_BYTES])),
    );
    const image = join(root, "A.sqfs");
    await mounts.run("mksquashfs", [join(root, "A"), image, "-quiet"]);
    await mounts.mount("-o", "loop,ro", image, place);
    await using provider = serve(mounts, root);
    const url = await urlOf(provider);
    for (let round = 0; round < 5; round++) {
      for (let tries = 0; (await statusOf(url)) !== 200; tries++) {
        assert.ok(
          tries < 400,
          `never served again: ${provider.lines().join("\n")}`,
        );
        await pause(100);
      }
      const got = await Promise.all(
        names.map((name) => download(`${url}/${IMAGE}/${name}`)),
      );
      assert.ok(got.every((each) => typeof each === "string"), `${got}`);
      // Left by its reader in the middle.
      const left = await fetch(`${url}/${IMAGE}/vmlinuz`);
      await left.body?.cancel();
      await pause(2000);
      await mounts.unmount(place);
      await mounts.mount("-o", "loop,ro", image, place);
    }
  },
);

async function statusOf(url: string): Promise<number> {
  const response = await fetch(`${url}/${IMAGE}/manifest.json`);
  await response.body?.cancel();
  return response.status;
}
