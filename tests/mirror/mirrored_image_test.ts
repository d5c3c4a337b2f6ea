import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/core/errors.ts";
import type { ServedImage } from "../../lib/http/artifacts/image_catalog.ts";
import { sha256 } from "../../lib/manifest/sha256.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { MirroredImage } from "../../lib/mirror/mirrored_image.ts";
import { MirrorTwin, signedRelease } from "../support/mirror_twin.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const [owner, stranger] = await Promise.all([
  testSigningKey(61),
  testSigningKey(62),
]);
const { signal } = new AbortController();

/** One image of a mirror, which a test asks round by round. */
class Fixture implements AsyncDisposable {
  readonly twin = new MirrorTwin();
  readonly path: string;
  readonly #ending = new AbortController();
  readonly #directory: AsyncDisposable;
  #running: Promise<void> | undefined;
  #image: MirroredImage;
  /** Of what lies there, unless the provider cannot offer it. */
  servedSha256: string | undefined;

  constructor(
    directory: Awaited<ReturnType<typeof temporaryDirectory>>,
    keys: readonly SigningKey[] = [owner],
  ) {
    this.#directory = directory;
    this.path = directory.path;
    this.#image = new MirroredImage(
      { channel: "stable", arch: "arm64" },
      this.twin.tools(directory.path, keys),
    );
  }

  get link(): string {
    return join(this.path, "artifacts/stable/arm64");
  }

  async open(): Promise<void> {
    await this.#image.open({ signal });
  }

  /** A round, from asking until it waits again. */
  async round() {
    const status = () => this.#image.status();
    const { signal } = this.#ending;
    if (this.#running === undefined) {
      const provider = {
        library: {
          find: () => this.#servedImage(),
          trustDocuments: () => new Map(),
        },
        ...{ httpPort: 8080, node: undefined },
      };
      this.#running = this.#image.run(provider, { signal }).catch((error) => {
        if (!signal.aborted) throw error;
      });
    } else this.#image.askNow();
    const isDone = () =>
      status().activity === "waiting" && status().nextAskMs !== undefined;
    // Time passes as slowly as the disk works.
    for (let i = 0; !isDone(); i++) {
      assert.ok(i < 10_000, "the round does not end");
      await this.twin.clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    this.servedSha256 = await this.served().then(sha256).then(
      (digest) => digest.toHex(),
      () => undefined,
    );
    return status();
  }

  #servedImage(): ServedImage | undefined {
    return this.servedSha256 === undefined ? undefined : {
      image: { channel: "stable", arch: "arm64" },
      version: "1",
      manifest: {
        bytes: new Uint8Array(),
        sha256: this.servedSha256,
        ...{ expiresAtMs: 0, signedBy: [] },
      },
      artifacts: new Map(),
    };
  }

  async served(): Promise<Uint8Array<ArrayBuffer>> {
    return await Deno.readFile(join(this.link, "manifest.json"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
    await this.#directory[Symbol.asyncDispose]();
  }
}

Deno.test("a mirrored image is fetched from those who have it, with its manifest byte for byte", async () => {
  await using one = new Fixture(await temporaryDirectory());
  const { twin } = one;
  await one.open();
  const bytes = await signedRelease([owner], { nowMs: twin.clock.now() });
  twin.offered.set("a", bytes).set("b", bytes);

  const { has, newest, behindSinceMs, problem } = await one.round();

  assert.deepEqual(await one.served(), bytes);
  assert.deepEqual(has, newest);
  assert.deepEqual([behindSinceMs, problem], [undefined, undefined]);
  const [fetch] = twin.fetches;
  assert.deepEqual(fetch?.sources.map(({ name }) => name).sort(), ["a", "b"]);
  assert.deepEqual(fetch?.files.map(({ path }) => path), ["vmlinuz"]);
});

Deno.test("a renewed manifest takes the place of the other without a download", async () => {
  await using one = new Fixture(await temporaryDirectory());
  const { twin } = one;
  await one.open();
  const bytes = await signedRelease([owner], { nowMs: twin.clock.now() });
  twin.offered.set("a", bytes);
  await one.round();
  const directory = await Deno.realPath(one.link);
  const renewed = await signedRelease([owner], {
    ...{ nowMs: twin.clock.now() + 20 * 86_400_000, previous: bytes },
  });
  assert.notDeepEqual(renewed, bytes);
  twin.offered.set("a", renewed);

  await one.round();

  assert.deepEqual(await one.served(), renewed);
  assert.equal(await Deno.realPath(one.link), directory);
  assert.equal(twin.fetches.length, 1);
  assert.match(twin.logger.lines.join("\n"), /INFO Renewed stable\/arm64 /);
});

Deno.test("what cannot be fetched leaves the release before in its place, and is said once", async () => {
  await using one = new Fixture(await temporaryDirectory());
  const { twin } = one;
  await one.open();
  const bytes = await signedRelease([owner], { nowMs: twin.clock.now() });
  twin.offered.set("a", bytes);
  await one.round();
  await twin.clock.advance(5000);
  const newer = await signedRelease([owner], {
    ...{ kernel: "b", nowMs: twin.clock.now(), previous: bytes },
  });
  twin.offered.set("a", newer);
  twin.failure = { kind: "room", message: "the disk is full" };
  const knownMs = twin.clock.now();

  for (let i = 0; i < 3; i++) {
    const { behindSinceMs, problem, fetched } = await one.round();
    assert.match(problem ?? "", /the disk is full; .* stays on offer/);
    assert.ok(behindSinceMs && behindSinceMs - knownMs < 2000);
    assert.equal(fetched, undefined);
    assert.deepEqual(await one.served(), bytes);
  }
  const warnings = twin.logger.lines.filter((line) => line.startsWith("WARN"));
  assert.equal(warnings.length, 1, warnings.join("\n"));

  twin.failure = undefined;
  const { has, behindSinceMs } = await one.round();
  assert.equal(behindSinceMs, undefined);
  assert.ok(has);
  assert.deepEqual(await one.served(), newer);
});

Deno.test("a release that lies there is held against the trusted keys before it is offered", async () => {
  for (const [signer, isTaken] of [[owner, true], [stranger, false]] as const) {
    await using one = new Fixture(await temporaryDirectory());
    const bytes = await signedRelease([signer], {
      nowMs: one.twin.clock.now(),
    });
    await Deno.mkdir(one.link, { recursive: true });
    await Deno.writeFile(join(one.link, "manifest.json"), bytes);
    if (isTaken) {
      await one.open();
      assert.match(await Deno.readLink(one.link), /^\.arm64@/);
    } else {
      await assert.rejects(
        one.open(),
        (error) =>
          error instanceof UserError && /move it away/.test(error.message),
      );
    }
    assert.deepEqual(await one.served(), bytes);
  }
});

Deno.test("a release by keys that are trusted no more stays on offer until another comes, whatever its version", async () => {
  const directory = await temporaryDirectory();
  await using one = new Fixture(directory);
  const { twin } = one;
  const old = await signedRelease([stranger], {
    ...{ kernel: "x", nowMs: twin.clock.now() + 3_600_000 },
  });
  // As a mirror has left it that trusted another key.
  const release = join(one.path, "artifacts/stable/.arm64@9-0123456789abcdef");
  await Deno.mkdir(release, { recursive: true });
  await Deno.writeFile(join(release, "manifest.json"), old);
  await Deno.symlink(".arm64@9-0123456789abcdef", one.link);

  await one.open();
  assert.deepEqual(await one.served(), old);
  assert.match(
    twin.logger.lines.join("\n"),
    /WARN Offering stable\/arm64 as it is on disk, although it is no longer trusted/,
  );

  const bytes = await signedRelease([owner], { nowMs: twin.clock.now() });
  twin.offered.set("a", bytes);
  await one.round();
  assert.deepEqual(await one.served(), bytes);
});

Deno.test("a mirror that is behind others for a while is no reason for a warning, an owner who goes back is", async () => {
  await using one = new Fixture(await temporaryDirectory());
  const { twin } = one;
  await one.open();
  const older = await signedRelease([owner], { nowMs: twin.clock.now() });
  await twin.clock.advance(5000);
  const newer = await signedRelease([owner], {
    ...{ kernel: "b", nowMs: twin.clock.now(), previous: older },
  });
  twin.offered.set("owner", newer);
  await one.round();
  twin.offered.set("mirror", older);
  assert.equal((await one.round()).problem, undefined);
  twin.offered.set("owner", older);
  assert.match((await one.round()).problem ?? "", /is older than .*rollback/);
  assert.deepEqual(await one.served(), newer);
});

Deno.test("what a mirror has and cannot offer is fetched anew, once", async () => {
  await using one = new Fixture(await temporaryDirectory());
  const { twin } = one;
  await one.open();
  const bytes = await signedRelease([owner], { nowMs: twin.clock.now() });
  twin.offered.set("a", bytes);
  await one.round();
  await one.round();
  assert.equal(twin.fetches.length, 1, "it is offered");

  for (let i = 0; i < 3; i++) {
    one.servedSha256 = undefined;
    await one.round();
    assert.equal(twin.fetches.length, 2);
  }
  assert.equal(twin.fetches[1]?.directory, twin.fetches[0]?.directory);
  await one.round();
  one.servedSha256 = undefined;
  await one.round();
  assert.equal(twin.fetches.length, 3, "it was offered meanwhile");
});
