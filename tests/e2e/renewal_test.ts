import assert from "node:assert/strict";
import { join } from "node:path";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import { openLanServer } from "../support/lan_server.ts";
import { run } from "../support/programs.ts";
import { makeSignedImage } from "../support/signed_image.ts";
import {
  alice,
  assertDone,
  assertUserError,
  contentOf,
  signersOf,
  withKeys,
} from "../support/signing_commands.ts";

const IMAGE = { channel: "stable", arch: "arm64" };

/** Puts the dates of a manifest back, as if so many days were over. */
async function age(path: string, days: number): Promise<void> {
  const content = await contentOf(path);
  const back = (time: unknown) =>
    new Date(Date.parse(String(time)) - days * 86_400_000).toISOString()
      .replace(/\.000Z$/, "Z");
  const aged = {
    ...content,
    created_at: back(content.created_at),
    expires_at: back(content.expires_at),
  };
  await Deno.writeFile(path, await sealEnvelope(aged, [alice]));
}

Deno.test("on day 31 plasmd manifest renew makes what boxes with a state take, and sign refuses", () =>
  withKeys(async (root, plasmd) => {
    const image = { ...IMAGE, channel: `day31-${Deno.pid}` };
    const path = await makeSignedImage(root, image, [join(root, "alice.pem")]);
    const { manifest_version: version, ...before } = await contentOf(path);
    const renew = (...more: string[]) =>
      plasmd("manifest", "renew", "--key", "alice.pem", path, ...more);
    await using _provider = await openLanServer({
      name: "day31",
      image,
      handler: async () => new Response(await Deno.readFile(path)),
    });
    const box = () =>
      run("phase_discover", [
        ...["--interface", "lo", "--mode", "lan", "--timeout", "3"],
        ...["--channel", image.channel, "--arch", image.arch],
        ...["--key", alice.publicKey.keyId],
        ...["--state", join(root, "box/state.json")],
      ]);
    assertDone(await box());
    const fresh = await renew();
    assert.match(fresh.stderr, /^INFO Left ".*" as it is: it expires at /m);
    await age(path, 31);
    const expired = await Deno.readFile(path);

    const [signed, refused] = await Promise.all([
      plasmd("manifest", "sign", path, "--key", "alice.pem"),
      box(),
    ]);
    assertUserError(
      signed,
      /: it expired at .*, and no client takes it; .*plasmd manifest renew/,
    );
    assert.deepEqual(await Deno.readFile(path), expired);
    assert.equal(refused.code, 4, refused.stderr);

    const renewed = await renew();
    assertDone(renewed);
    assert.match(renewed.stderr, /^INFO Renewed ".*" until .*, signed with /m);
    const { manifest_version, ...after } = await contentOf(path);
    assert.equal(manifest_version, version);
    const { created_at: _, expires_at: __, ...content } = before;
    const { created_at: ___, expires_at: until, ...same } = after;
    assert.deepEqual(same, content);
    assert.ok(Date.parse(String(until)) > Date.now() + 29 * 86_400_000);
    assertDone(await box());

    const short = await renew("--expires-days", "3");
    assertDone(short);
    const { expires_at } = await contentOf(path);
    assert.ok(Date.parse(String(expires_at)) < Date.now() + 4 * 86_400_000);
  }));

Deno.test("plasmd manifest renew takes several files, and nothing that its keys did not sign", () =>
  withKeys(async (root, plasmd) => {
    const alices = join(root, "alice.pem");
    const paths = [
      await makeSignedImage(root, IMAGE, [alices, join(root, "bob.pem")]),
      await makeSignedImage(root, { ...IMAGE, arch: "x86_64" }, [alices]),
    ];
    const renew = (...more: string[]) =>
      plasmd("manifest", "renew", ...paths, "--expires-days", "3", ...more);
    const [strange, unnamed, oneFile] = await Promise.all([
      plasmd("manifest", "renew", paths[1] ?? "", "--key", "bob.pem"),
      renew(),
      renew("--key", "alice.pem", "--out", "new.json"),
    ]);
    assertUserError(
      strange,
      /Cannot renew .* with these keys: signed by none/,
    );
    assertUserError(unnamed, /without a key: name one with --key/);
    assertUserError(oneFile, /Cannot write several manifests to one --out/);

    const both = await renew("--key", "alice.pem");
    assertDone(both);
    for (const path of paths) {
      assert.deepEqual(await signersOf(path), [alice.publicKey.keyId]);
    }
    const lost = both.stderr.split("\n").filter((l) => l.startsWith("WARN"));
    assert.equal(lost.length, 1, both.stderr);
    assert.match(lost[0] ?? "", /stable\/arm64.* is not signed by ed25519:/);
  }));

Deno.test("plasmd manifest generate replaces what is signed once half of its life is over", () =>
  withKeys(async (root, plasmd) => {
    const path = await makeSignedImage(root, IMAGE, [join(root, "alice.pem")]);
    const { manifest_version: version } = await contentOf(path);
    const generate = (...more: string[]) =>
      plasmd("manifest", "generate", "--artifacts", "artifacts", ...more);
    await age(path, 14);
    assert.match((await generate()).stderr, /^INFO Left ".*" as it is/m);
    await age(path, 1);
    for (const more of [[], ["--expires-days", "60"]]) {
      const made = await generate(...more);
      assertDone(made);
      assert.match(made.stderr, /not signed yet: /);
      const { manifest_version, expires_at } = await contentOf(path);
      assert.equal(manifest_version, version);
      const days = Number(more[1] ?? 30);
      assert.ok(
        Date.parse(String(expires_at)) > Date.now() + (days - 1) * 86_400_000,
      );
    }
  }));
