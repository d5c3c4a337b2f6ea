import assert from "node:assert/strict";
import { join } from "node:path";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import { makeFiles } from "../support/image_tree.ts";
import { openLanServer } from "../support/lan_server.ts";
import { flipBit, makeSignedImage } from "../support/signed_image.ts";
import {
  alice,
  assertDone,
  assertUserError,
  bob,
  signersOf,
  withKeys,
} from "../support/signing_commands.ts";

const IMAGE = { channel: "stable", arch: "arm64" };

Deno.test("plasmd key generate makes a key that only its owner reads, and never replaces it", () =>
  withKeys(async (root, plasmd) => {
    const path = join(root, "keys/new.pem");
    const made = await plasmd("key", "generate", "--out", path);
    assertDone(made);
    assert.match(made.stderr, /^INFO Created the signing key ".*new\.pem"$/m);
    const { mode } = await Deno.stat(path);
    assert.equal((mode ?? 0) & 0o777, 0o600);
    const pem = await Deno.readTextFile(path);

    const [again, shown] = await Promise.all([
      plasmd("key", "generate", "--out", path),
      plasmd("key", "show", "--signing-key", path),
    ]);

    assertUserError(again, /new\.pem": there is one already; .*--out$/m);
    assert.equal(await Deno.readTextFile(path), pem);
    assert.equal(shown.stdout, made.stdout);
  }));

Deno.test("plasmd key generate and show use the state directory unless told otherwise", () =>
  withKeys(async (root, plasmd) => {
    // Where nobody answers, whatever else runs here.
    await makeFiles(root, { "plasmd.toml": "[provider]\nport = 1\n" });
    const show = () => plasmd("key", "show", "--config", "plasmd.toml");
    const none = await show();
    assertUserError(none, /127\.0\.0\.1:1, and there is no ".*signing\.key"; /);
    assert.doesNotMatch(none.stderr, /generate/);
    const made = await plasmd("key", "generate");
    assertDone(made);
    await Deno.stat(join(root, "xdg/plasmd/signing.key"));
    assert.equal((await show()).stdout, made.stdout);
  }));

Deno.test("plasmd key show prints the public key in every form, and never the private one", () =>
  withKeys(async (_root, plasmd) => {
    const show = (format: string) =>
      plasmd("key", "show", "--signing-key", "alice.pem", "--format", format);
    const [all, keyid, hex, base64, pem] = await Promise.all(
      ["all", "keyid", "hex", "base64", "pem"].map(show),
    );
    const { keyId, bytes } = alice.publicKey;
    assert.equal(keyid?.stdout, `${keyId}\n`);
    assert.equal(hex?.stdout, `${bytes.toHex()}\n`);
    assert.equal(base64?.stdout, `${bytes.toBase64()}\n`);
    assert.match(pem?.stdout ?? "", /^-----BEGIN PUBLIC KEY-----\n/);
    for (const one of [keyid, hex, base64, pem]) {
      assert.ok(all?.stdout.includes(one?.stdout.trim() ?? "?"));
    }
    assert.doesNotMatch(all?.stdout ?? "", /PRIVATE/);
  }));

Deno.test("a private key that cannot be used is refused, with what to do", () =>
  withKeys(async (root, plasmd) => {
    await Deno.chmod(join(root, "alice.pem"), 0o640);
    await makeFiles(root, { "garbage.pem": "garbage" });
    await Deno.chmod(join(root, "garbage.pem"), 0o600);
    const show = (key: string) =>
      plasmd("key", "show", "--signing-key", join(root, key));
    const [readable, garbage, missing, unnamed] = await Promise.all([
      show("alice.pem"),
      show("garbage.pem"),
      show("none.pem"),
      plasmd("manifest", "sign", "manifest.json"),
    ]);
    assertUserError(readable, /run: chmod 600 ".*alice\.pem"$/m);
    assertUserError(garbage, /PKCS#8 PEM; make one with/);
    assertUserError(missing, /none\.pem": there is no such file; make one/);
    assertUserError(unnamed, /without a key: name one with --key/);
  }));

Deno.test("plasmd manifest generate, sign and verify: two owners, one after the other", () =>
  withKeys(async (root, plasmd) => {
    await makeFiles(root, {
      "artifacts/stable/arm64/vmlinuz": 1000,
      "artifacts/stable/arm64/cmdline": "quiet console=ttyS0\n",
    });
    const generated = await plasmd(
      ...["manifest", "generate", "--artifacts", "artifacts"],
    );
    assertDone(generated);
    assert.match(generated.stderr, /not signed yet: .*plasmd manifest sign/);
    const manifest = "artifacts/stable/arm64/manifest.json";
    const path = join(root, manifest);
    assert.deepEqual(await signersOf(path), []);
    assert.match(generated.stdout, /^image +stable\/arm64$/m);
    assert.match(generated.stdout, /^cmdline +quiet console=ttyS0$/m);
    assert.match(
      generated.stdout,
      /^kernel +vmlinuz {2}1000 bytes {2}sha256:/m,
    );

    assertDone(await plasmd("manifest", "sign", manifest, "--key", "bob.pem"));
    assert.deepEqual(await signersOf(path), [bob.publicKey.keyId]);
    const second = await plasmd(
      ...["manifest", "sign", manifest, "--key", "alice.pem"],
      ...["--out", "both.json"],
    );
    assertDone(second);
    const ids = [alice.publicKey.keyId, bob.publicKey.keyId];
    assert.deepEqual(await signersOf(join(root, "both.json")), ids.sort());
    assert.deepEqual(await signersOf(path), [bob.publicKey.keyId]);

    const keys = ids.flatMap((id) => ["--key", id]);
    const verify = (file: string, ...more: string[]) =>
      plasmd("manifest", "verify", file, ...keys, ...more);
    const [both, one, unnamed, tooMany] = await Promise.all([
      verify("both.json", "--threshold", "2"),
      verify(manifest, "--threshold", "2"),
      plasmd("manifest", "verify", manifest),
      verify(manifest, "--threshold", "3"),
    ]);
    assertDone(both);
    for (const id of ids) {
      assert.match(both.stdout, new RegExp(`^verified by +${id}$`, "m"));
    }
    assert.equal(one.code, 4);
    assert.equal(one.stdout, "");
    assert.match(one.stderr, /^ERROR NOT VERIFIED .*\(below_threshold\)$/m);
    assertUserError(unnamed, /without a key: name one with --key/);
    assertUserError(tooMany, /--threshold: threshold 3/);

    await flipBit(join(root, "both.json"));
    const flipped = await verify("both.json", "--threshold", "2");
    assert.equal(flipped.code, 4);
    assert.equal(flipped.stdout, "");
  }));

Deno.test("plasmd manifest generate leaves a signed manifest alone until any of its content changes", () =>
  withKeys(async (root, plasmd) => {
    const directory = join(root, "artifacts/stable/arm64");
    await makeFiles(directory, {
      "vmlinuz": 1000,
      "a.cpio": 100,
      "b.cpio": 200,
      "version": "1\n",
    });
    const path = join(directory, "manifest.json");
    const generate = () =>
      plasmd("manifest", "generate", "--artifacts", "artifacts");
    const versionOf = async () => {
      const envelope = openEnvelope(await Deno.readFile(path));
      assert.ok(envelope.ok);
      return Number(envelope.value.content.manifest_version);
    };
    assertDone(await generate());
    const changes: readonly [string, string][] = [
      ["version", "2\n"],
      ["cmdline", "quiet\n"],
      ["notes.txt", "of no role"],
      ["image.toml", 'kernel = "vmlinuz"\ninitramfs = ["a.cpio", "b.cpio"]\n'],
      ["image.toml", 'kernel = "vmlinuz"\ninitramfs = ["b.cpio", "a.cpio"]\n'],
    ];
    for (const [name, text] of changes) {
      assertDone(await plasmd("manifest", "sign", path, "--key", "bob.pem"));
      const signed = await Deno.readFile(path);
      const version = await versionOf();
      await Deno.utime(join(directory, "vmlinuz"), new Date(), new Date());
      const again = await generate();
      assertDone(again);
      assert.match(again.stderr, /^INFO Left ".*" as it is/m, name);
      assert.deepEqual(await Deno.readFile(path), signed, name);

      await Deno.writeTextFile(join(directory, name), text);
      const changed = await generate();
      assertDone(changed);
      assert.match(changed.stderr, /not signed yet/, name);
      assert.ok(await versionOf() > version, name);
      assert.deepEqual(await signersOf(path), [], name);
    }
  }));

Deno.test("plasmd manifest generate wants to know which image, when it is not clear", () =>
  withKeys(async (root, plasmd) => {
    await makeFiles(root, {
      "artifacts/stable/arm64/vmlinuz": 10,
      "artifacts/testing/arm64/vmlinuz": 10,
    });
    const generate = (...more: string[]) =>
      plasmd("manifest", "generate", "--artifacts", "artifacts", ...more);
    const [several, none, chosen] = await Promise.all([
      generate(),
      generate("--channel", "stable", "--arch", "x86_64"),
      generate("--channel", "testing", "--out", "elsewhere.json"),
    ]);
    assertUserError(
      several,
      /several images \(stable\/arm64, testing\/arm64\): choose one with --channel and --arch/,
    );
    assertUserError(none, /no such image below "artifacts"; .*plasmd scan/);
    assertDone(chosen);
    assert.deepEqual(await signersOf(join(root, "elsewhere.json")), []);
  }));

Deno.test("plasmd manifest show prints a manifest of a file and of a provider, and says who signed", () =>
  withKeys(async (root, plasmd) => {
    const path = await makeSignedImage(root, IMAGE, [join(root, "alice.pem")]);
    const bytes = await Deno.readFile(path);
    await using provider = await openLanServer({
      name: "shown",
      image: { channel: `shown-${Deno.pid}`, arch: "arm64" },
      handler: () => new Response(bytes),
    });
    const [text, json, remote, missing] = await Promise.all([
      plasmd("manifest", "show", path),
      plasmd("manifest", "show", path, "--json"),
      plasmd("manifest", "show", provider.manifestUrl),
      plasmd("manifest", "show", "none.json"),
    ]);
    assertDone(text);
    assert.match(
      text.stdout,
      new RegExp(`^signed by +${alice.publicKey.keyId}$`, "m"),
    );
    const { signatures: _, signed: __, ...content } = JSON.parse(
      new TextDecoder().decode(bytes),
    );
    assert.deepEqual(JSON.parse(json.stdout), content);
    assert.equal(remote.stdout, text.stdout);
    assertUserError(missing, /"none\.json": there is no such file$/m);
  }));

Deno.test("plasmd manifest sign refuses what is no manifest, and leaves it as it is", () =>
  withKeys(async (root, plasmd) => {
    const trust = `keys = ["${alice.publicKey.keyId}"]\n`;
    await makeFiles(root, { "garbage.json": "{}", "2.toml": trust });
    assertDone(await plasmd("trust", "sign", "2.toml", "--key", "alice.pem"));
    for (const name of ["garbage.json", "2.json"]) {
      const before = await Deno.readTextFile(join(root, name));
      const refused = await plasmd(
        ...["manifest", "sign", name, "--key", "alice.pem"],
      );
      assertUserError(refused, new RegExp(`Cannot sign manifest "${name}": `));
      assert.equal(await Deno.readTextFile(join(root, name)), before);
    }
  }));
