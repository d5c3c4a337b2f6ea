import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryDirectory } from "../support/programs.ts";

const RUN_PROGRAM = new URL("../../lib/cli/run_program.ts", import.meta.url);

/** Runs a program of a few lines, with its output as the shell redirects it. */
async function runMain(
  body: string,
  { args = [], redirection = "" }: { args?: string[]; redirection?: string } =
    {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "program.ts");
  await Deno.writeTextFile(
    path,
    `import process from "node:process";\n` +
      `import { runProgram } from "${RUN_PROGRAM}";\n` +
      `import * as output from "${new URL("output.ts", RUN_PROGRAM)}";\n` +
      `const pause = () => new Promise((resolve) => setTimeout(resolve, 50));\n` +
      `await runProgram(async ({ signal }) => { ${body} });\n`,
  );
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: [
      ...["-c", `exec "$0" "$@" ${redirection}`, Deno.execPath(), "run", "-A"],
      ...["--quiet", "--no-prompt", "--no-check", path, ...args],
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

const THROWS = `setTimeout(() => { throw new Error("a\\nb"); });
  await pause();
  Promise.reject(new Error("c"));
  await pause();
  await output.writeResult(["done"], { signal });
  return 0;`;

Deno.test("what no code waits for is one log line each, and ends nothing", async () => {
  assert.deepEqual(await runMain(THROWS), {
    code: 0,
    stdout: "done\n",
    stderr: "ERROR Unexpected: a?b\nERROR Unexpected: c\n",
  });
});

Deno.test("what was thrown without a word is said to be that, and shows no stack", async () => {
  const { code, stderr } = await runMain(
    `setTimeout(() => { throw null; }); await pause();
     Promise.reject(); await pause();`,
    { args: ["--log-format=json"] },
  );
  assert.equal(code, 0);
  const messages = stderr.trimEnd().split("\n")
    .map((line) => JSON.parse(line).message);
  assert.equal(messages.length, 2);
  for (const message of messages) assert.match(message, /^Unexpected: \S/);
});

Deno.test("a result that was begun is not followed by a failure", async () => {
  const { code, stdout } = await runMain(
    `await output.writeResult(["{}"], { signal }); throw new Error("late");`,
    { args: ["--json"] },
  );
  assert.equal(code, 1);
  assert.equal(stdout, "{}\n");
});

Deno.test("an unexpected failure is an object, where the result was to be one", async () => {
  const { code, stdout } = await runMain(`throw new Error("a bug");`, {
    args: ["--format", "json"],
  });
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout), {
    error: "a bug",
    reason: "unexpected",
  });
});

Deno.test("at level debug an unexpected error comes with its stack, line by line", async () => {
  const { stderr } = await runMain(THROWS, { args: ["--log-level=debug"] });
  assert.match(stderr, /^ERROR Unexpected: c\n(DEBUG +at .+\n)+$/m);
});

Deno.test("a warning of the runtime is a log line, and ends nothing with a full log", async () => {
  const body = `
    const logger = output.openLogger({ level: "debug", format: "json" });
    await output.logRuntimeWarnings(logger);
    process.emitWarning("leak"); await pause();
    await output.writeResult(["done"], { signal }); return 0;`;
  const { stderr } = await runMain(body);
  assert.equal(JSON.parse(stderr).message, "leak");
  const full = await runMain(body, { redirection: "2>/dev/full" });
  assert.equal(full.code, 0);
  assert.equal(full.stdout, "done\n");
});

Deno.test("the last line of a program that fails is written, whatever came before", async () => {
  const { code, stderr } = await runMain(
    `for (let i = 0; i < 2000; i++) Promise.reject(new Error("e" + i));
     await pause(); throw new Error("the last");`,
  );
  assert.equal(code, 1);
  const lines = stderr.trimEnd().split("\n");
  assert.equal(lines.length, 2001);
  assert.equal(lines.at(-1), "ERROR the last");
});
