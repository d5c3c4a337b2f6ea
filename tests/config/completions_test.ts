import assert from "node:assert/strict";
import { renderCompletions } from "../../lib/config/completions.ts";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import type { Program } from "../../lib/config/option_table.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";

const BASH_IS_MISSING = await isMissing("bash");

/** Whether a shell is not installed; says so. */
async function isMissing(shell: string): Promise<boolean> {
  try {
    await new Deno.Command(shell, { args: ["--version"], stdout: "null" })
      .output();
    return false;
  } catch {
    // deno-lint-ignore no-console -- why tests below are skipped
    console.warn(`${shell} is not installed: its completions are not run`);
    return true;
  }
}

/** What bash offers when the last of `words` is being completed. */
async function bash(
  program: Program,
  words: readonly string[],
  directory?: string,
): Promise<string[]> {
  const script = `${renderCompletions(program, "bash")}
COMP_WORDS=("$@")
COMP_CWORD=$(( $# - 1 ))
_${program.name} "$1"
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["--norc", "-c", script, "bash", program.name, ...words],
    ...directory !== undefined && { cwd: directory },
  }).output();
  const text = new TextDecoder();
  assert(success, text.decode(stderr));
  assert.equal(text.decode(stderr), "");
  return text.decode(stdout).split("\n").filter((line) => line !== "");
}

Deno.test({
  name: "bash completes commands, options and values of plasmd",
  ignore: BASH_IS_MISSING,
  async fn() {
    const plasmd = (...words: string[]) => bash(PLASMD_PROGRAM, words);
    assert.deepEqual(await plasmd("s"), ["serve", "scan", "status"]);
    assert.deepEqual(await plasmd("serve", "--a"), [
      "--artifacts",
      "--arch",
      "--advertise-url",
    ]);
    assert.deepEqual(await plasmd("serve", "--no"), ["--no-dht", "--no-mdns"]);
    assert.deepEqual(await plasmd("serve", "--channel", ""), [
      "stable",
      "testing",
    ]);
    assert.deepEqual(await plasmd("serve", "--arch", "=", "x"), ["x86_64"]);
    assert.deepEqual(await plasmd("serve", "--arch", "="), ["arm64", "x86_64"]);
    assert.deepEqual(await plasmd("serve", "--port", ""), []);
    assert.deepEqual(await plasmd("--log-level", "debug", "sc"), ["scan"]);
    assert.deepEqual(await plasmd("completions", "z"), ["zsh"]);
    assert.deepEqual(await plasmd("completions", "--l"), [
      "--log-level",
      "--log-format",
    ]);
  },
});

Deno.test({
  name: "bash completes files and directories, spaces included",
  ignore: BASH_IS_MISSING,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${directory}/my images`);
      await Deno.writeTextFile(`${directory}/my file`, "");
      const at = (...words: string[]) => bash(PLASMD_PROGRAM, words, directory);
      assert.deepEqual(await at("serve", "--artifacts", "m"), ["my images"]);
      const both = ["my file", "my images"];
      assert.deepEqual((await at("serve", "--config", "m")).sort(), both);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name: "bash completes options and values of phase_discover",
  ignore: BASH_IS_MISSING,
  async fn() {
    const discover = (...words: string[]) => bash(DISCOVER_PROGRAM, words);
    assert.deepEqual(await discover("--mo"), ["--mode"]);
    assert.deepEqual(await discover("--mode", ""), ["auto", "lan", "wan"]);
  },
});

for (const shell of ["zsh", "fish"] as const) {
  const missing = await isMissing(shell);
  for (const program of [PLASMD_PROGRAM, DISCOVER_PROGRAM]) {
    Deno.test({
      name: `${shell} takes the completions of ${program.name}`,
      ignore: missing,
      async fn() {
        const path = await Deno.makeTempFile();
        try {
          await Deno.writeTextFile(path, renderCompletions(program, shell));
          const { code, stderr } = await new Deno.Command(shell, {
            args: ["-n", path],
          }).output();
          assert.equal(new TextDecoder().decode(stderr), "");
          assert.equal(code, 0);
        } finally {
          await Deno.remove(path);
        }
      },
    });

    Deno.test(`renderCompletions() writes those of ${program.name} for ${shell}`, async (t) => {
      await t.assertSnapshot(renderCompletions(program, shell));
    });
  }
}
