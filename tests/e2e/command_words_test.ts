/** What both programs make of a command line, as their users type it. */
import assert from "node:assert/strict";
import { run, temporaryDirectory } from "../support/programs.ts";
import { programCommand } from "../support/shipped_programs.ts";

Deno.test("both programs take -V, help and help COMMAND", async () => {
  const said = async (
    program: "plasmd" | "phase_discover",
    ...args: string[]
  ) => {
    const { code, stdout, stderr } = await run(program, args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  for (const program of ["plasmd", "phase_discover"] as const) {
    assert.equal(await said(program, "-V"), await said(program, "--version"));
    assert.equal(await said(program, "help"), await said(program, "--help"));
  }
  assert.equal(
    await said("plasmd", "help", "manifest", "show"),
    await said("plasmd", "manifest", "show", "--help"),
  );
});

Deno.test("plasmd calls a directory and a file what they are", async () => {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/file`;
  await Deno.writeTextFile(file, "");
  const config = await run("plasmd", ["scan", "--config", directory.path]);
  assert.equal(config.code, 2);
  assert.match(
    config.stderr,
    /^ERROR Cannot use config ".*": it is a directory$/m,
  );
  const artifacts = await run("plasmd", ["scan", "--artifacts", file]);
  assert.equal(artifacts.code, 2);
  assert.match(artifacts.stderr, /it is a file, not a directory\./);
});

const NOBODY = [
  ...["--reuid", "65534", "--regid", "65534", "--clear-groups"],
  Deno.execPath(),
];
const obstacle = await nobodyObstacle();

async function nobodyObstacle(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "setpriv needs Linux";
  if (Deno.uid() !== 0) return "to become another user needs root";
  const args = [...NOBODY, "--version"];
  const ended = await new Deno.Command("setpriv", { args }).output()
    .catch(() => undefined);
  return ended?.success ? undefined : "nobody can run this Deno by setpriv";
}

Deno.test({
  name: `plasmd passes over a working directory that it may not enter${
    obstacle === undefined ? "" : ` (skipped: ${obstacle})`
  }`,
  ignore: obstacle !== undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const [, ...words] = programCommand("plasmd");
    await Deno.mkdir(`${path}/closed/home`, { recursive: true });
    await Deno.mkdir(`${path}/open/artifacts`, { recursive: true });
    // What another user can read: neither the program nor Deno may be closed.
    await Deno.copyFile(words.at(-1) ?? "", `${path}/open/plasmd.js`);
    await Deno.chmod(path, 0o755);
    await Deno.chmod(`${path}/closed`, 0o700);
    const { code, stdout, stderr } = await new Deno.Command("setpriv", {
      args: [
        ...NOBODY,
        ...[...words.slice(0, -1), `${path}/open/plasmd.js`],
        ...["scan", "--artifacts", `${path}/open/artifacts`, "--json"],
      ],
      cwd: `${path}/closed`,
      env: {
        HOME: `${path}/closed/home`,
        DENO_DIR: `${path}/none`,
        NO_COLOR: "1",
      },
    }).output();
    const text = new TextDecoder();
    assert.equal(code, 0, text.decode(stderr));
    assert.deepEqual(JSON.parse(text.decode(stdout)).available, []);
  },
});
