import assert from "node:assert/strict";
import { disk } from "../../lib/cli/disk.ts";
import { UserError } from "../../lib/core/errors.ts";
import {
  type ClientState,
  EMPTY_CLIENT_STATE,
  loadClientState,
  minimumVersionOf,
  newestTrust,
  trustPolicyFor,
  updateClientState,
  versionPolicyFor,
  withManifest,
  withTrust,
} from "../../lib/manifest/client_state.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hashedImage } from "../support/hashed_image.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { trustRoot } from "../support/trust_roots.ts";

const options = { signal: new AbortController().signal };
const PATH = "/var/lib/phase/state.json";
const NOW = Date.parse("2026-11-22T12:00:00Z");
const stable = { channel: "stable", arch: "arm64" };
const testing = { channel: "testing", arch: "arm64" };
const [a, b] = await Promise.all([testSigningKey(1), testSigningKey(2)]);
const template = (await issueManifest({
  image: hashedImage(),
  signers: [],
  now: NOW,
  expiresDays: 30,
})).manifest;

type Verified = Parameters<typeof withManifest>[1];

function manifest(
  manifestVersion: number,
  image = stable,
  contentSha256 = "1".repeat(64),
): Verified {
  return {
    manifest: { ...template, manifestVersion, image },
    contentSha256,
  };
}

function remembering(...manifests: Verified[]): ClientState {
  return manifests.reduce(withManifest, EMPTY_CLIENT_STATE);
}

Deno.test("withManifest() remembers the highest version of each image", () => {
  const state = remembering(manifest(5), manifest(3), manifest(2, testing));
  assert.equal(minimumVersionOf(state, stable), 5);
  assert.equal(minimumVersionOf(state, testing), 2);
  const other = { channel: "stable", arch: "x86_64" };
  assert.equal(minimumVersionOf(state, other), 1);
});

Deno.test("rollback: other content does not replace what was accepted under a version", () => {
  const state = remembering(
    manifest(5, stable, "a".repeat(64)),
    manifest(5, stable, "b".repeat(64)),
    manifest(4, stable, "c".repeat(64)),
  );
  assert.deepEqual(versionPolicyFor(state, stable), {
    minimumVersion: 5,
    accepted: { manifestVersion: 5, contentSha256: "a".repeat(64) },
  });
  const next = withManifest(state, manifest(6, stable, "b".repeat(64)));
  assert.equal(
    versionPolicyFor(next, stable).accepted?.contentSha256,
    "b".repeat(64),
  );
});

Deno.test("loadClientState() reads a state of before contents were kept, and formats", async () => {
  const text = '{"manifest_versions":{"stable/arm64":7}}\n';
  const fileSystem = new MemoryFileSystem().file(PATH, text);
  const state = await loadClientState(PATH, fileSystem, options);
  assert.deepEqual(versionPolicyFor(state, stable), { minimumVersion: 7 });
  const known = withManifest(state, manifest(7));
  assert.equal(versionPolicyFor(known, stable).accepted?.manifestVersion, 7);
});

Deno.test("loadClientState() goes on without a state only where there is none, or an empty one", async () => {
  const failing = new class extends MemoryFileSystem {
    override readText(path: string): Promise<string> {
      return path === "/broken"
        ? Promise.reject(new Error("Input/output error"))
        : super.readText(path);
    }
  }()
    .file("/damaged", '{"manifest_versions":{"stable/arm64":"7"}}')
    .file("/secret", "{}").setReadable("/secret", false)
    .special("/fifo")
    .file("/empty", "");
  const paths = ["/broken", "/damaged", "/secret", "/fifo"];
  for (const path of paths) {
    await assert.rejects(
      loadClientState(path, failing, options),
      UserError,
      path,
    );
  }
  for (const path of ["/none", "/empty"]) {
    const state = await loadClientState(path, failing, options);
    assert.equal(state, EMPTY_CLIENT_STATE, path);
  }
});

Deno.test("newestTrust() is the newest remembered of what is shipped", () => {
  const shipped = trustRoot([a]);
  const current = trustRoot([b], { trust_version: 2 });
  const state = withTrust(EMPTY_CLIENT_STATE, { shipped, current });
  assert.equal(newestTrust(state, shipped), current);
  assert.equal(newestTrust(EMPTY_CLIENT_STATE, shipped), shipped);
});

Deno.test("newestTrust() starts over when other keys are shipped", () => {
  const current = trustRoot([b], { trust_version: 2 });
  const state = withTrust(EMPTY_CLIENT_STATE, {
    shipped: trustRoot([a]),
    current,
  });
  const reinstalled = trustRoot([b]);
  assert.equal(newestTrust(state, reinstalled), reinstalled);
});

Deno.test("withTrust() forgets versions when a key is dropped, and not when one is added", () => {
  const shipped = trustRoot([a]);
  const state = remembering(manifest(Number.MAX_SAFE_INTEGER));
  const added = withTrust(state, {
    shipped,
    current: trustRoot([a, b], { trust_version: 2 }),
  });
  assert.equal(minimumVersionOf(added, stable), Number.MAX_SAFE_INTEGER);
  const dropped = withTrust(added, {
    shipped,
    current: trustRoot([b], { trust_version: 3 }),
  });
  assert.equal(minimumVersionOf(dropped, stable), 1);
});

Deno.test("withTrust() does not go back to an older document", () => {
  const shipped = trustRoot([a]);
  const v3 = trustRoot([a], { trust_version: 3 });
  const state = withTrust(EMPTY_CLIENT_STATE, { shipped, current: v3 });
  const v2 = trustRoot([a, b], { trust_version: 2 });
  assert.equal(withTrust(state, { shipped, current: v2 }), state);
  assert.equal(withTrust(state, { shipped, current: shipped }), state);
});

Deno.test("withTrust() forgets versions when other keys are shipped", () => {
  const first = trustRoot([a]);
  const state = withTrust(remembering(manifest(7)), {
    shipped: first,
    current: first,
  });
  assert.equal(minimumVersionOf(state, stable), 7);
  const second = trustRoot([b]);
  const after = withTrust(state, { shipped: second, current: second });
  assert.equal(minimumVersionOf(after, stable), 1);
  assert.equal(newestTrust(after, second), second);
});

Deno.test("trustPolicyFor() asks for the higher of both minimum versions", () => {
  const root = trustRoot([a], { minimum_version: 4 });
  for (const [remembered, minimumVersion] of [[3, 4], [4, 4], [5, 5]]) {
    const policy = trustPolicyFor(root, {
      state: remembering(manifest(remembered ?? 0)),
      image: stable,
      clockTrusted: true,
      now: NOW,
    });
    assert.deepEqual(policy, {
      ok: true,
      value: {
        trusted: root.manifestKeys,
        image: stable,
        minimumVersion,
        accepted: {
          manifestVersion: remembered,
          contentSha256: "1".repeat(64),
        },
        clockTrusted: true,
      },
    });
  }
});

Deno.test("trustPolicyFor() refuses expired keys, unless the clock cannot tell", () => {
  const root = trustRoot([a], { expires_at: "2026-11-22T12:00:00Z" });
  const codeFor = (now: number, clockTrusted: boolean) => {
    const policy = trustPolicyFor(root, {
      state: EMPTY_CLIENT_STATE,
      image: stable,
      clockTrusted,
      now,
    });
    return policy.ok ? "accepted" : policy.reason.code;
  };
  assert.equal(codeFor(NOW - 1, true), "accepted");
  assert.equal(codeFor(NOW, true), "trust_expired");
  assert.equal(codeFor(NOW, false), "accepted");
});

Deno.test("updateClientState() writes what loadClientState() reads", async () => {
  const fileSystem = new MemoryFileSystem();
  const trust = {
    shipped: trustRoot([a]),
    current: trustRoot([b], {
      trust_version: 2,
      expires_at: "2028-01-01T00:00:00Z",
    }),
  };
  const written = await updateClientState(
    PATH,
    (state) => withManifest(withTrust(state, trust), manifest(7)),
    fileSystem,
    options,
  );
  assert.deepEqual(await loadClientState(PATH, fileSystem, options), written);
  assert.equal((await fileSystem.stat(PATH)).mode, 0o600);
});

Deno.test("updateClientState() keeps what another client wrote meanwhile", async () => {
  const fileSystem = new MemoryFileSystem();
  const remember = (accepted: Verified) =>
    updateClientState(
      PATH,
      (state) => withManifest(state, accepted),
      fileSystem,
      options,
    );
  const ones = "1".repeat(64);
  await remember(manifest(7));
  await remember(manifest(8, testing));
  await remember(manifest(6));
  assert.equal(
    await fileSystem.readText(PATH),
    `{"format":1,"manifest_contents":{"stable/arm64":"${ones}","testing/arm64":"${ones}"},"manifest_versions":{"stable/arm64":7,"testing/arm64":8}}\n`,
  );
});

Deno.test("updateClientState() leaves the file alone when nothing changes", async () => {
  const fileSystem = new MemoryFileSystem();
  const remember = () =>
    updateClientState(
      PATH,
      (state) => withManifest(state, manifest(7)),
      fileSystem,
      options,
    );
  await remember();
  const { inode } = await fileSystem.stat(PATH);
  await remember();
  assert.equal((await fileSystem.stat(PATH)).inode, inode);
});

Deno.test("updateClientState() works on a real disk", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/new/state.json`;
    const remember = (version: number) =>
      updateClientState(
        path,
        (state) => withManifest(state, manifest(version)),
        disk,
        options,
      );
    await remember(7);
    await remember(8);
    const state = await loadClientState(path, disk, options);
    assert.equal(minimumVersionOf(state, stable), 8);
    const names = await Array.fromAsync(Deno.readDir(`${directory}/new`));
    assert.deepEqual(names.map(({ name }) => name).sort(), [
      "state.json",
      "state.json.lock",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("updateClientState() locks and writes where a link leads, and leaves the link", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const link = `${directory}/link.json`;
    const names = async (below: string) =>
      (await Array.fromAsync(Deno.readDir(directory + below)))
        .map(({ name }) => name).sort();
    await Deno.mkdir(`${directory}/persist`);
    await Deno.symlink("persist/state.json", link);
    for (const version of [7, 8]) {
      await updateClientState(
        link,
        (state) => withManifest(state, manifest(version)),
        disk,
        options,
      );
      const state = await loadClientState(link, disk, options);
      assert.equal(minimumVersionOf(state, stable), version);
      assert.ok((await Deno.lstat(link)).isSymlink);
    }
    assert.deepEqual(await names("/persist"), [
      "state.json",
      "state.json.lock",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("updateClientState() loses nothing of many clients at the same time", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/state.json`;
    const images = Array.from(
      { length: 20 },
      (_, i) => ({ channel: `c${i}`, arch: "arm64" }),
    );
    await Promise.all(images.map((image, i) =>
      updateClientState(
        path,
        (state) => withManifest(state, manifest(i + 1, image)),
        disk,
        options,
      )
    ));
    const state = await loadClientState(path, disk, options);
    assert.deepEqual(
      images.map((image) => minimumVersionOf(state, image)),
      images.map((_, i) => i + 1),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("updateClientState() says who is in the way when the lock is not let go", async () => {
  const clock = new FakeClock();
  const fileSystem = new MemoryFileSystem();
  using _lock = await fileSystem.lock(`${PATH}.lock`);
  const updating = updateClientState(
    PATH,
    (state) => withManifest(state, manifest(7)),
    fileSystem,
    { clock, ...options },
  );
  const refused = assert.rejects(updating, /another process holds .*\.lock/);
  await clock.advance(3000);
  await refused;
});

Deno.test("loadClientState() refuses a file that it cannot understand, and says what to do", async () => {
  const wrong = [
    "{",
    "[]",
    "{}",
    '{"manifest_versions":{"stable/arm64":"7"}}',
    '{"manifest_versions":{"stable/arm64":0}}',
    '{"manifest_versions":{"stable/arm64":7}',
    '{"manifest_versions":{},"trust":{}}',
    '{"manifest_versions":{},"trust":{"shipped":{"keys":[]},"current":7}}',
  ];
  for (const text of wrong) {
    const fileSystem = new MemoryFileSystem().file(PATH, text);
    await assert.rejects(
      updateClientState(PATH, (state) => state, fileSystem, options),
      (error) =>
        error instanceof UserError &&
        /^Cannot use state "\/var.*delete it to start over/.test(error.message),
      text,
    );
    assert.equal(await fileSystem.readText(PATH), text);
  }
});

Deno.test("loadClientState() refuses what a newer client made, and leaves it as it is", async () => {
  const text = '{"format":2,"manifest_versions":{"stable/arm64":7}}';
  const fileSystem = new MemoryFileSystem().file(PATH, text);
  await assert.rejects(
    updateClientState(PATH, (state) => state, fileSystem, options),
    /^UserError: Cannot use "\/var.*newer version.*older images are accepted$/,
  );
  assert.equal(await fileSystem.readText(PATH), text);
});

Deno.test("loadClientState() stops when it is aborted", async () => {
  const signal = AbortSignal.abort(new Error("stop"));
  await assert.rejects(
    loadClientState(PATH, new MemoryFileSystem(), { signal }),
    /stop/,
  );
});
