/**
 * The bundled programs with versions of Deno from before, as npm has them:
 * those that are too old say so, the oldest that is not finds an image.
 */
import assert from "node:assert/strict";
import { makeFiles } from "../support/image_tree.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import {
  programCommand,
  type ProgramName,
} from "../support/shipped_programs.ts";

const TOO_OLD = ["2.5.6", "2.6.8"];
const OLDEST = "2.8.0";
const CHANNEL = "old-deno";

/** What starts a program with the Deno of that path. */
function withDeno(path: string, program: ProgramName): string[] {
  const [, ...args] = programCommand(program);
  return [path, ...args];
}

/** Registers a test with the Deno that npm has under this version. */
async function testWithDeno(
  name: string,
  version: string,
  fn: (path: string) => Promise<void>,
): Promise<void> {
  const npx = await new Deno.Command("npx", {
    // Not through npx, which passes no signals on.
    args: ["-y", `deno@${version}`, "eval", "console.log(Deno.execPath())"],
  }).output().catch(() => undefined);
  const obstacle = npx === undefined
    ? "npx is not installed"
    : npx.success
    ? undefined
    : `npx cannot get deno@${version}`;
  const path = new TextDecoder().decode(npx?.stdout).trim();
  Deno.test({
    name: obstacle === undefined ? name : `${name} (skipped: ${obstacle})`,
    ignore: obstacle !== undefined,
    fn: () => fn(path),
  });
}

for (const version of TOO_OLD) {
  await testWithDeno(
    `Deno ${version} is refused in one line, whatever is asked for`,
    version,
    async (path) => {
      for (const program of ["plasmd", "phase_discover"] as const) {
        for (const args of [["--version"], ["serve"], ["--no-such-option"]]) {
          const { code, stdout, stderr } = await run(program, args, {
            runner: withDeno(path, program),
          });
          assert.equal(
            stderr,
            `ERROR This is Deno ${version}, and Deno 2.8 or later is needed: npm has it, npx -y deno@latest\n`,
          );
          assert.equal(stdout, "");
          assert.equal(code, 2);
        }
      }
    },
  );
}

await testWithDeno(
  `Deno ${OLDEST} serves an image and finds it`,
  OLDEST,
  async (deno) => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, { [`artifacts/${CHANNEL}/arm64/vmlinuz`]: 4096 });
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", `${path}/artifacts`, "--channel", CHANNEL],
      ...["--arch", "arm64", "--interface", "lo", "--port", "0"],
      ...["--p2p-port", "0", "--state-dir", `${path}/state`],
    ], { runner: withDeno(deno, "plasmd") });
    const [node = ""] = await provider.line(/\/ip4\/127\.0\.0\.1\/tcp\/\S+/);
    await provider.line(new RegExp(`Advertising ${CHANNEL}/arm64`));
    for (const source of [["lan"], ["wan", "--bootstrap", node]]) {
      const found = await run("phase_discover", [
        ...["--channel", CHANNEL, "--arch", "arm64", "--interface", "lo"],
        ...["--quiet", "--mode", ...source],
      ], { runner: withDeno(deno, "phase_discover") });
      assert.equal(found.code, 0, found.stderr);
      assert.match(
        found.stdout,
        new RegExp(`^http://127.0.0.1:\\d+/${CHANNEL}/arm64/manifest.json\n$`),
      );
    }
  },
);
