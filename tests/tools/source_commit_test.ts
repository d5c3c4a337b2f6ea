import assert from "node:assert/strict";
import { join } from "node:path";
import { sourceCommit } from "../../tools/source_commit.ts";
import { temporaryDirectory } from "../support/programs.ts";

const SOURCES = ["lib", "plasmd.ts"];

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["-c", "user.name=A", "-c", "user.email=a@example.org", ...args],
    cwd,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("a commit is told, and whether the sources differ from it", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  assert.equal(await sourceCommit(path, SOURCES), undefined, "no checkout");
  await Deno.mkdir(join(path, "lib"));
  await Deno.writeTextFile(join(path, "lib/a.ts"), "");
  await git(path, "init", "--quiet");
  assert.equal(await sourceCommit(path, SOURCES), undefined, "no commit");
  await git(path, "add", ".");
  await git(path, "commit", "--quiet", "--message", "a");
  const head = (await git(path, "rev-parse", "HEAD")).slice(0, 12);
  assert.equal(await sourceCommit(path, SOURCES), head);
  await Deno.writeTextFile(join(path, "notes"), "");
  assert.equal(await sourceCommit(path, SOURCES), head, "no source");
  assert.equal(
    await sourceCommit(join(path, "lib"), SOURCES),
    undefined,
    "an archive that lies in a checkout",
  );
  await Deno.writeTextFile(join(path, "lib/b.ts"), "");
  assert.equal(await sourceCommit(path, SOURCES), `${head}-modified`);
});
