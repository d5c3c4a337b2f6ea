import assert from "node:assert/strict";
import { join } from "node:path";
import {
  formatChannelArch,
  manifestPath,
} from "../../lib/core/channel_arch.ts";
import {
  eventually,
  imageOf,
  kernelOf,
  manifestAt,
  mirrorStatus,
  putKernel,
  startMirror,
  startOwner,
} from "../support/mirrors.ts";
import { run, temporaryDirectory } from "../support/programs.ts";
import {
  makeSignedImage,
  runWell,
  writeKeys,
} from "../support/signed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const owner = await testSigningKey(31);
const stranger = await testSigningKey(32);
const KEY = ["--key", owner.publicKey.keyId];

function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  for (let done = 0; done < count; done += 65_536) {
    crypto.getRandomValues(bytes.subarray(done, done + 65_536));
  }
  return bytes;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function equals(a: Uint8Array | undefined, b: Uint8Array | undefined) {
  return a !== undefined && b !== undefined && a.toHex() === b.toHex();
}

/** A client that fetches image after image, and keeps what went wrong. */
function pollingClient(url: string, image: ReturnType<typeof imageOf>) {
  const versions = new Set<number>();
  const faults: string[] = [];
  let hasEnded = false;
  const polling = (async () => {
    while (!hasEnded) {
      const manifest = await manifestAt(url, image);
      if (manifest === undefined) {
        faults.push("no manifest");
        continue;
      }
      const { version, sha256: promised } = kernelOf(manifest);
      versions.add(version);
      for (
        const path of [
          `/blobs/sha256/${promised}`,
          `/${formatChannelArch(image)}/vmlinuz`,
        ]
      ) {
        const answer = await fetch(`${url}${path}`);
        const body = await answer.bytes();
        if (answer.status !== 200) faults.push(`${path}: ${answer.status}`);
        else if (await sha256(body) !== promised) {
          // By its path a file is that of the manifest of the moment.
          const after = await manifestAt(url, image);
          const isNewer = after && kernelOf(after).version > version;
          if (!isNewer) faults.push(`${path}: another content`);
        }
      }
    }
  })();
  return {
    versions,
    async end() {
      hasEnded = true;
      await polling;
      return faults;
    },
  };
}

Deno.test("a mirror without a key hands on what its owner signed, when that one is gone too, and follows without a gap", async () => {
  await using directory = await temporaryDirectory();
  const image = imageOf("followed");
  const [a, b] = ["a", "b"].map((name) => join(directory.path, name));
  assert.ok(a && b);
  await Deno.mkdir(a);
  await putKernel(a, image, randomBytes(300_000));
  await using mirror = await startMirror(b, image, KEY);
  let first: Uint8Array;
  {
    await using origin = await startOwner(a, image, owner);
    first = await eventually(() => manifestAt(mirror.url, image));
    assert.deepEqual(first, await manifestAt(origin.url, image));
  }
  await mirror.program.line(/INFO Advertising /);

  const found = await run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--format", "json", ...KEY],
    ...["--channel", image.channel, "--arch", image.arch],
  ]);
  assert.equal(found.code, 0, found.stderr);
  const { manifest_url, verified_by } = JSON.parse(found.stdout);
  assert.equal(manifest_url, `${mirror.url}${manifestPath(image)}`);
  assert.deepEqual(verified_by, [owner.publicKey.keyId]);
  assert.deepEqual(
    (await Array.fromAsync(Deno.readDir(join(b, "state")))).map(({ name }) =>
      name
    )
      .filter((name) => /key/.test(name)),
    [],
    "a mirror has no key",
  );

  const client = pollingClient(mirror.url, image);
  await putKernel(a, image, randomBytes(400_000));
  await using again = await startOwner(a, image, owner);
  const second = await eventually(async () => {
    const bytes = await manifestAt(again.url, image);
    return bytes && kernelOf(bytes).version > kernelOf(first).version && bytes;
  });
  await eventually(async () => {
    const bytes = await manifestAt(mirror.url, image);
    return bytes && kernelOf(bytes).sha256 === kernelOf(second).sha256;
  });
  assert.deepEqual(await manifestAt(mirror.url, image), second);
  assert.deepEqual(await client.end(), []);
  const { has, behind_since, problem } = await mirrorStatus(mirror.url);
  assert.equal(has?.manifest_version, kernelOf(second).version);
  assert.deepEqual([behind_since, problem], [null, null]);
});

Deno.test("a mirror serves what it has before it finds anybody", async () => {
  await using directory = await temporaryDirectory();
  const image = imageOf("restarted");
  const [a, b] = ["a", "b"].map((name) => join(directory.path, name));
  assert.ok(a && b);
  await Deno.mkdir(a);
  await putKernel(a, image, randomBytes(1000));
  let before: Uint8Array | undefined;
  {
    await using _origin = await startOwner(a, image, owner);
    await using mirror = await startMirror(b, image, KEY);
    before = await eventually(() => manifestAt(mirror.url, image));
  }
  await using mirror = await startMirror(b, image, [...KEY, "--every", "1h"]);
  await mirror.program.line(/INFO Advertising /);
  assert.deepEqual(await manifestAt(mirror.url, image), before);
  const alone = await eventually(async () => {
    const status = await mirrorStatus(mirror.url);
    return status.activity === "waiting" && status;
  });
  assert.equal(alone.has?.manifest_version, kernelOf(before).version);
  assert.equal(alone.last_found_at, null);

  // It waits for an hour, unless it is told otherwise.
  await putKernel(a, image, randomBytes(2000));
  await using origin = await startOwner(a, image, owner);
  await origin.program.line(/INFO Advertising /);
  Deno.kill(mirror.program.pid, "SIGHUP");
  await eventually(async () =>
    equals(
      await manifestAt(mirror.url, image),
      await manifestAt(origin.url, image),
    )
  );
});

Deno.test("a mirror takes neither an older release nor one by another key, and says so", async () => {
  await using directory = await temporaryDirectory();
  const image = imageOf("refusing");
  const [a, b] = ["a", "b"].map((name) => join(directory.path, name));
  assert.ok(a && b);
  // An owner's manifest that is signed elsewhere is served as it is.
  await writeKeys(directory.path, {
    "owner.pem": owner,
    "other.pem": stranger,
  });
  const path = await makeSignedImage(a, image, [
    join(directory.path, "owner.pem"),
  ]);
  const kernel = join(a, "artifacts", formatChannelArch(image), "vmlinuz");
  const older = [await Deno.readFile(kernel), await Deno.readFile(path)];
  await using _origin = await startOwner(a, image, owner);
  await using mirror = await startMirror(b, image, KEY);
  await eventually(() => manifestAt(mirror.url, image));
  const publish = async (key: string) => {
    // Versions are seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await putKernel(a, image, randomBytes(2000));
    await runWell([
      ...["manifest", "generate", "--channel", image.channel],
      ...["--artifacts", join(a, "artifacts"), "--arch", image.arch],
    ]);
    await runWell([
      ...["manifest", "sign", path, "--key", join(directory.path, key)],
    ]);
    return kernelOf(await Deno.readFile(path)).version;
  };
  const newest = await publish("owner.pem");
  const kept = await eventually(async () => {
    const bytes = await manifestAt(mirror.url, image);
    return bytes && kernelOf(bytes).version === newest && bytes;
  });

  await publish("other.pem");
  const stays = new RegExp(`\\(manifest_version ${newest}\\) stays on offer`);
  const refused = (code: string) =>
    new RegExp(
      `WARN Not mirroring \\S+ from http\\S+ of \\S+: .*\\(${code}\\); .*${stays.source}\n`,
    );
  await mirror.program.line(refused("unknown_key"));
  assert.match((await mirrorStatus(mirror.url)).problem ?? "", /unknown_key/);

  const [olderKernel, olderManifest] = older;
  assert.ok(olderKernel && olderManifest);
  await putKernel(a, image, olderKernel);
  await Deno.writeFile(path, olderManifest);
  await mirror.program.line(refused("rollback"));
  const { has, newest: known, problem } = await mirrorStatus(mirror.url);
  assert.match(problem ?? "", /is older than/);
  assert.equal(has?.manifest_version, newest);
  assert.equal(known?.manifest_version, newest);
  assert.deepEqual(await manifestAt(mirror.url, image), kept);
});

Deno.test("a mirror that is killed while it fetches goes on where it was, and offers the release before until then", async () => {
  await using directory = await temporaryDirectory();
  const image = imageOf("killed");
  const [a, b] = ["a", "b"].map((name) => join(directory.path, name));
  assert.ok(a && b);
  await Deno.mkdir(a);
  await putKernel(a, image, randomBytes(1000));
  const config = join(directory.path, "slow.toml");
  await Deno.writeTextFile(
    config,
    "[http]\nmax_rate_per_connection = 4000000\n",
  );
  await using origin = await startOwner(a, image, owner, ["--config", config]);
  let first: Uint8Array;
  {
    await using mirror = await startMirror(b, image, KEY);
    first = await eventually(() => manifestAt(mirror.url, image));
    await putKernel(a, image, randomBytes(20_000_000));
    await eventually(async () => {
      const { fetched } = await mirrorStatus(mirror.url);
      return (fetched?.done_bytes ?? 0) > 6_000_000;
    });
    await mirror.program.end("SIGKILL");
  }

  await using mirror = await startMirror(b, image, KEY);
  assert.deepEqual(
    await eventually(() => manifestAt(mirror.url, image)),
    first,
  );
  const second = await manifestAt(origin.url, image);
  await eventually(async () => {
    const bytes = await manifestAt(mirror.url, image);
    return bytes && second &&
      kernelOf(bytes).sha256 === kernelOf(second).sha256;
  });
  assert.deepEqual(await manifestAt(mirror.url, image), second);
  const { downloads } = await (await fetch(`${origin.url}/status`)).json();
  assert.ok(
    downloads.sent_bytes < 1.3 * 20_000_000,
    `${downloads.sent_bytes} bytes were sent for 20,000,000`,
  );
});

Deno.test("a mirror without a key to trust, or without anything to mirror, says what is missing", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const mirror = (...more: string[]) =>
    run("plasmd", [
      ...["mirror", "--artifacts", path, "--state-dir", join(path, "state")],
      ...["--interface", "lo", "--port", "0", "--no-dht", ...more],
    ], { prefix: ["timeout", "60"] });
  const image = ["--channel", "stable", "--arch", "arm64"];
  const cases: [string[], RegExp][] = [
    [image, /whom to trust: .*--key, or .*--trust/],
    [KEY, /knowing what: .*--channel .*--arch/],
    [[...image, ...KEY, "--no-mdns"], /mDNS and the DHT are both off/],
    [[...image, ...KEY, "--every", "10"], /--every.*90s, 10m or 1h/],
  ];
  for (const [more, message] of cases) {
    const { code, stderr } = await mirror(...more);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
  await Deno.mkdir(join(path, "stable/arm64"), { recursive: true });
  await Deno.writeTextFile(join(path, "stable/arm64/vmlinuz"), "by hand");
  const { code, stderr } = await mirror(...image, ...KEY);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^ERROR Cannot mirror to ".*stable\/arm64": .*move it/m);
  assert.equal(
    await Deno.readTextFile(join(path, "stable/arm64/vmlinuz")),
    "by hand",
  );
});
