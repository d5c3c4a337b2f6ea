import assert from "node:assert/strict";
import { join } from "node:path";
import { readEnvelope } from "../../lib/manifest/verify_envelope.ts";
import { decodeDigests } from "../../lib/scan/digest_file.ts";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

/** More of them: `KILL_ROUNDS=200 deno test -A tests/e2e/kill_test.ts`. */
const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 30);
const IMAGES = 8;
/** Start-up, first signing and the rounds after it all lie in this time. */
const MAX_LIFE_MS = 2000;

function imagePath(root: string, i: number): string {
  return join(root, "artifacts", `kill-${i}`, "arm64");
}

/** Changes an image every few milliseconds until it is stopped. */
async function changeConstantly(root: string, signal: AbortSignal) {
  for (let i = 0; !signal.aborted; i++) {
    const directory = imagePath(root, i % IMAGES);
    // By rename, as the contract asks of operators.
    await Deno.writeTextFile(join(root, "version"), `v${i}`);
    await Deno.rename(join(root, "version"), join(directory, "version"));
    if (i % 50 === 0) {
      await Deno.writeTextFile(join(root, "kernel"), `kernel ${i}`);
      await Deno.rename(join(root, "kernel"), join(directory, "vmlinuz"));
    }
    await sleep(10);
  }
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** The versions of all manifests in the state directory, each whole. */
async function manifestVersions(state: string): Promise<Map<number, number>> {
  const versions = new Map<number, number>();
  for (let i = 0; i < IMAGES; i++) {
    const path = join(state, "manifests", `kill-${i}`, "arm64.json");
    try {
      const manifest = readEnvelope(await Deno.readFile(path));
      assert.ok(manifest.ok, `${path} is damaged`);
      versions.set(i, manifest.value.manifestVersion);
    } catch (error) {
      // Not signed before the first kill.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return versions;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test(`a provider killed at ${ROUNDS} random moments under constant change keeps its keys and counters`, async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const state = join(path, "state");
  for (let i = 0; i < IMAGES; i++) {
    await makeFiles(imagePath(path, i), { vmlinuz: 4096 });
  }
  const serve = () =>
    start("plasmd", [
      ...["serve", "--artifacts", join(path, "artifacts"), "--arch", "arm64"],
      ...["--interface", "lo", "--port", "0", "--p2p-port", "0", "--no-mdns"],
      ...["--state-dir", state],
    ]);
  const stopping = new AbortController();
  const changing = changeConstantly(path, stopping.signal);
  const keys = new Map<string, string>();
  let versions = new Map<number, number>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const provider = serve();
      // Every fourth time it comes up first: so it does after each of them.
      if (round % 4 === 3) await provider.line(/Found \d/);
      await sleep(Math.random() * MAX_LIFE_MS);
      const { stderr } = await provider.end("SIGKILL");
      assert.doesNotMatch(stderr, /damaged|ERROR/);

      for (const name of ["signing.key", "identity.key"]) {
        const key = await readIfThere(join(state, name));
        assert.ok(key !== undefined || !keys.has(name), `${name} is gone`);
        if (key === undefined) continue;
        assert.equal(key, keys.get(name) ?? key, `${name} was replaced`);
        keys.set(name, key);
      }
      const digests = await readIfThere(join(state, "digests.json"));
      assert.ok(digests === undefined || decodeDigests(digests).ok);
      const after = await manifestVersions(state);
      for (const [i, version] of versions) {
        const now = after.get(i);
        assert.ok(now !== undefined && now >= version, `${version} to ${now}`);
      }
      versions = after;
    }
  } finally {
    stopping.abort();
    await changing;
  }
  assert.equal(keys.size, 2);
  assert.equal(versions.size, IMAGES);
  await using provider = serve();
  for (let i = 0; i < IMAGES; i++) {
    await provider.line(new RegExp(`Serving kill-${i}/arm64`));
  }
  // While it runs, it may be writing one.
  await provider.end("SIGTERM");
  const names = await Array.fromAsync(Deno.readDir(state), (e) => e.name);
  assert.deepEqual(names.filter((name) => name.endsWith(".tmp")), []);
});
