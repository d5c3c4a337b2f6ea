/**
 * What docs/own-key.md promises to boxes of every kind: those that were given a
 * trust file, and those that have a key.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { run, start, temporaryDirectory } from "../support/programs.ts";

Deno.test("a provider's own key is succeeded, and no box that follows refuses", async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  const image = at("artifacts/rollover/arm64");
  await Deno.mkdir(image, { recursive: true });
  await Deno.writeTextFile(join(image, "vmlinuz"), "a kernel");
  const plasmd = async (...args: string[]) => {
    const { code, stdout, stderr } = await run("plasmd", args);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const serve = async (...keys: string[]) => {
    const provider = start("plasmd", [
      ...["serve", "--artifacts", at("artifacts"), "--channel", "rollover"],
      ...["--state-dir", at("state"), "--interface", "lo", "--port", "0"],
      ...["--no-dht", ...keys.flatMap((key) => ["--signing-key", at(key)])],
    ]);
    await provider.line(/Advertising rollover\/arm64/);
    return provider;
  };
  /** The exit code of a box. */
  const boot = async (...trust: string[]) =>
    (await run("phase_discover", [
      ...["--mode", "lan", "--interface", "lo", "--timeout", "4"],
      ...["--channel", "rollover", "--arch", "arm64", ...trust],
    ])).code;
  const followsWith = [
    "--trust",
    at("trust-1.toml"),
    "--state",
    at("box.json"),
  ];
  let oldKey = "";
  {
    await using _provider = await serve();
    oldKey = await plasmd(
      ...["key", "show", "--state-dir", at("state"), "--format", "keyid"],
    );
    await Deno.writeTextFile(at("trust-1.toml"), `keys = ["${oldKey}"]\n`);
    assert.equal(await boot(...followsWith), 0);
  }
  await plasmd("key", "generate", "--out", at("new.pem"));
  const newKey = await plasmd(
    ...["key", "show", "--signing-key", at("new.pem"), "--format", "keyid"],
  );
  await Deno.writeTextFile(
    at("trust-2.toml"),
    `trust_version = 2\nkeys = ["${newKey}"]\n`,
  );
  await plasmd(
    ...["trust", "sign", "--trust", at("trust-1.toml")],
    ...["--key", at("state/signing.key")],
    ...["--key", at("new.pem"), "--out", at("state/trust/2.json")],
    at("trust-2.toml"),
  );
  {
    await using _provider = await serve("state/signing.key", "new.pem");
    assert.equal(await boot(...followsWith), 0, "both keys sign");
    assert.equal(await boot("--key", oldKey), 0);
    assert.equal(await boot("--key", newKey), 0);
    assert.equal(
      await boot("--key", oldKey, "--key", newKey, "--threshold", "2"),
      0,
    );
  }
  await using _provider = await serve("new.pem");
  assert.equal(await boot(...followsWith), 0, "the new key signs alone");
  assert.equal(await boot("--trust", at("trust-1.toml")), 0, "a late box");
  assert.equal(await boot("--trust", at("trust-2.toml")), 0);
  assert.equal(await boot("--key", oldKey), 4, "follows nothing");
});
