import assert from "node:assert/strict";
import { join } from "node:path";
import { passphraseFrom } from "../../lib/cli/passphrase.ts";
import { UserError } from "../../lib/core/errors.ts";

const options = { signal: new AbortController().signal };

Deno.test("passphraseFrom() takes the first line of a file that only its owner may read", async () => {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "passphrase");
  try {
    const texts: readonly (readonly [string, string])[] = [
      ["secret", "secret"],
      ["secret\n", "secret"],
      ["two words \r\nnext\n", "two words "],
      ["", ""],
    ];
    for (const [text, expected] of texts) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      assert.equal(await passphraseFrom(path, options)("k.pem"), expected);
    }
    await Deno.chmod(path, 0o644);
    await assert.rejects(
      passphraseFrom(path, options)("k.pem"),
      /passphrase file ".*": others than its owner may read it/,
    );
    await Deno.remove(path);
    await assert.rejects(
      passphraseFrom(path, options)("k.pem"),
      (error) =>
        error instanceof UserError && /no such file/.test(error.message),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("passphraseFrom() reads a file once, however many keys ask", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "secret\n");
    const ask = passphraseFrom(path, options);
    assert.equal(await ask("a.pem"), "secret");
    await Deno.writeTextFile(path, "", { mode: 0o600 });
    assert.equal(await ask("b.pem"), "secret");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test({
  name:
    "passphraseFrom() names the option where there is no terminal to ask at",
  ignore: Deno.stdin.isTerminal() && Deno.stderr.isTerminal(),
  async fn() {
    await assert.rejects(
      passphraseFrom(undefined, options)("k.pem"),
      /signing key "k.pem": it has a passphrase; .*--passphrase-file FILE/,
    );
  },
});

const hasScript = await new Deno.Command("script", { args: ["--version"] })
  .output().then(({ success }) => success, () => false);

Deno.test({
  name:
    "passphraseFrom() reads what is typed at a terminal, and shows none of it (needs script of util-linux)",
  ignore: !hasScript,
  async fn() {
    const module = new URL("../../lib/cli/passphrase.ts", import.meta.url);
    const program = `import { passphraseFrom } from "${module}";
      const ask = passphraseFrom(undefined, { signal: new AbortController().signal });
      console.log(JSON.stringify(await ask("k.pem").catch(String)));`;
    const typedAt = async (keys: string): Promise<string> => {
      const command = `${Deno.execPath()} eval --no-check '${program}'`;
      const child = new Deno.Command("script", {
        args: ["-qec", command, "/dev/null"],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
        env: { NO_COLOR: "1" },
      }).spawn();
      const writer = child.stdin.getWriter();
      let shown = "";
      for await (const chunk of child.stdout) {
        const text = new TextDecoder().decode(chunk);
        shown += text;
        // What is typed before the question would be shown by the terminal.
        if (text.includes("Passphrase of")) {
          await new Promise((resolve) => setTimeout(resolve, 500));
          await writer.write(new TextEncoder().encode(keys));
        }
      }
      await writer.close().catch(() => {});
      assert.ok((await child.status).success, shown);
      return shown.replaceAll("\r", "");
    };
    const asked = 'Passphrase of "k.pem": \n';
    assert.equal(await typedAt("secrét\r"), `${asked}"secrét"\n`);
    assert.equal(
      await typedAt("wrong\x15sé\x7fecreX\x7ft\r"),
      `${asked}"secret"\n`,
    );
    assert.match(await typedAt("sec\x03"), /no passphrase was typed/);
  },
});
