import assert from "node:assert/strict";
import { join } from "node:path";
import { manifestPath } from "../../lib/core/channel_arch.ts";
import {
  eventually,
  imageOf,
  kernelOf,
  manifestAt,
  mirrorStatus,
  putKernel,
  type Serving,
  startMirror,
  startOwner,
} from "../support/mirrors.ts";
import { mountTest } from "../support/mounts.ts";
import { run, temporaryDirectory } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const [before, after] = await Promise.all([
  testSigningKey(33),
  testSigningKey(34),
]);
const KEY = ["--key", before.publicKey.keyId];

Deno.test("a mirror follows the succession of its owner's keys, and hands it on to boxes and to other mirrors", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  const image = imageOf("succeeded");
  const [a = "", b = "", c = ""] = ["a", "b", "c"].map((name) =>
    join(root, name)
  );
  await Deno.mkdir(join(a, "state/trust"), { recursive: true });
  await putKernel(a, image, new Uint8Array(1000).fill(1));
  const shipped = join(root, "trust-1.toml");
  await Deno.writeTextFile(shipped, `keys = ["${before.publicKey.keyId}"]\n`);
  const trust = ["--trust", shipped];
  await using mirror = await startMirror(b, image, trust);
  {
    await using _origin = await startOwner(a, image, before);
    await eventually(() => manifestAt(mirror.url, image));
  }
  const successor = await sealTrustRoot(
    trustRoot([after], { trust_version: 2 }),
    [before, after],
  );
  await Deno.writeFile(join(a, "state/trust/2.json"), successor);
  await Deno.remove(join(a, "state/manifests"), { recursive: true });
  const ofAfter = async ({ url }: Serving) => {
    const bytes = await manifestAt(url, image);
    return bytes !== undefined &&
      new TextDecoder().decode(bytes).includes(after.publicKey.keyId) && bytes;
  };
  {
    await using origin = await startOwner(a, image, after);
    const signed = await eventually(() => ofAfter(origin));
    assert.deepEqual(await eventually(() => ofAfter(mirror)), signed);
  }
  const handedOn = await eventually(async () => {
    const answer = await fetch(`${mirror.url}/trust/2.json`);
    const bytes = await answer.bytes();
    return answer.status === 200 && bytes;
  });
  assert.deepEqual(handedOn, successor);

  const client = ["--channel", image.channel, "--arch", image.arch];
  const found = await run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--format", "json"],
    ...[...client, ...trust],
  ]);
  assert.equal(found.code, 0, found.stderr);
  const { manifest_url, verified_by } = JSON.parse(found.stdout);
  assert.equal(manifest_url, `${mirror.url}${manifestPath(image)}`);
  assert.deepEqual(verified_by, [after.publicKey.keyId]);

  await using second = await startMirror(c, image, trust);
  assert.deepEqual(
    await eventually(() => ofAfter(second)),
    await manifestAt(mirror.url, image),
  );
  await second.program.line(/INFO Serving trust document 2 at/);
});

Deno.test("a mirror finds its owner in the DHT, is found there in its place, and never asks itself", async () => {
  await using directory = await temporaryDirectory();
  const image = imageOf("mirrored-dht");
  const [a = "", b = ""] = ["a", "b"].map((name) => join(directory.path, name));
  await Deno.mkdir(a);
  await putKernel(a, image, new Uint8Array(1000).fill(2));
  const inDht = (more: string[] = []) => [
    ...["--no-mdns", "--p2p-port", "0", ...more],
  ];
  const nodeOf = async ({ program }: Serving) =>
    (await program.line(/INFO DHT node (\S+)/))[1] ?? "";
  let mirror: Serving;
  await using stack = new AsyncDisposableStack();
  {
    await using origin = await startOwner(a, image, before, inDht());
    const join = ["--bootstrap", await nodeOf(origin)];
    mirror = stack.use(await startMirror(b, image, [...KEY, ...inDht(join)]));
    const mirrored = await eventually(() => manifestAt(mirror.url, image));
    assert.deepEqual(mirrored, await manifestAt(origin.url, image));
    await mirror.program.line(/INFO Advertising /);
    const status = await mirrorStatus(mirror.url);
    assert.equal(status.behind_since, null);
  }
  const found = await run("phase_discover", [
    ...["--interface", "lo", "--mode", "wan", "--format", "json", ...KEY],
    ...["--channel", image.channel, "--arch", image.arch],
    ...["--bootstrap", await nodeOf(mirror)],
  ]);
  assert.equal(found.code, 0, found.stderr);
  assert.equal(
    JSON.parse(found.stdout).manifest_url,
    `${mirror.url}${manifestPath(image)}`,
  );
  // The last round with the owner ends; should it find itself in those that
  // follow, it would be news.
  const wait = (ms: number) =>
    new Promise((resolve) => setTimeout(resolve, ms));
  await wait(6000);
  const { last_found_at } = await mirrorStatus(mirror.url);
  await wait(8000);
  const later = await mirrorStatus(mirror.url);
  assert.equal(later.last_found_at, last_found_at);
});

await mountTest(
  "a mirror whose disk is full says so, offers what it has, and follows when there is room",
  [],
  async (mounts) => {
    await using directory = await temporaryDirectory();
    const image = imageOf("full");
    const [a = "", b = ""] = ["a", "b"].map((name) =>
      join(directory.path, name)
    );
    await Deno.mkdir(a);
    const artifacts = join(b, "artifacts");
    await Deno.mkdir(artifacts, { recursive: true });
    await mounts.mount("-t", "tmpfs", "-o", "size=8m", "none", artifacts);
    const kernelOfSize = (bytes: number) =>
      putKernel(a, image, new Uint8Array(bytes).fill(bytes % 251));
    await kernelOfSize(1_000_000);
    await using origin = await startOwner(a, image, before);
    await using mirror = await startMirror(b, image, KEY, {
      prefix: mounts.prefix,
    });
    const first = await eventually(() => manifestAt(mirror.url, image));

    await kernelOfSize(20_000_000);
    await mirror.program.line(
      /WARN Cannot mirror \S+ .*; .* stays on offer, and it is tried again\n/,
    );
    const status = await eventually(async () => {
      const one = await mirrorStatus(mirror.url);
      return one.activity === "waiting" && one.problem !== null && one;
    });
    assert.ok(status.behind_since !== null);
    assert.equal(status.has?.manifest_version, kernelOf(first).version);
    assert.deepEqual(await manifestAt(mirror.url, image), first);

    await kernelOfSize(2_000_000);
    const third = await eventually(async () => {
      const bytes = await manifestAt(origin.url, image);
      return bytes &&
        /"size":2000000\b/.test(new TextDecoder().decode(bytes)) &&
        bytes;
    });
    await eventually(async () => {
      const bytes = await manifestAt(mirror.url, image);
      return bytes && kernelOf(bytes).sha256 === kernelOf(third).sha256;
    }, 60_000);
  },
);
