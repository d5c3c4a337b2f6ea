import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeSpecificationTree } from "../support/image_tree.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";
import {
  programCommand,
  type ProgramName,
} from "../support/shipped_programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const [A, B] = ["bundle-a", "bundle-b"] as const;

async function deno(
  args: string[],
  env: Record<string, string> = {},
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "1", ...env },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** Whether a network namespace can be made, in which there is no network. */
async function canUnshare(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("unshare", {
      args: ["--net", "ip", "link", "set", "lo", "up"],
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false; // There is no such tool.
  }
}

Deno.test("the bundled programs work alone: empty directory, empty cache, no network", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await deno(["run", "-A", "--no-prompt", "tools/bundle.ts", root]);
  await makeSpecificationTree(join(root, "artifacts"), [A, B]);
  const cwd = join(root, "empty");
  await Deno.mkdir(cwd);
  const options = (program: ProgramName, prefix: string[]) => ({
    prefix,
    runner: programCommand(program, { directory: root }),
    cwd,
    env: { DENO_DIR: join(root, "deno-dir") },
  });
  const isolated = await canUnshare();
  await using provider = start(
    "plasmd",
    [
      ...["serve", "--artifacts", join(root, "artifacts"), "--interface", "lo"],
      ...["--channel", A, "--channel", B, "--arch", "arm64"],
      ...["--port", "0", "--p2p-port", "0", "--state-dir", join(root, "state")],
    ],
    options(
      "plasmd",
      isolated
        ? ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
        : [],
    ),
  );
  await provider.line(new RegExp(`Advertising ${B}/arm64`));
  const inside = isolated
    ? ["nsenter", "--net", "--target", String(provider.pid)]
    : [];
  const discover = (channel: string, timeout: string) =>
    run(
      "phase_discover",
      [
        ...["--channel", channel, "--arch", "arm64", "--interface", "lo"],
        ...["--timeout", timeout, "--quiet"],
      ],
      options(
        "phase_discover",
        isolated ? ["nsenter", "--net", "--target", String(provider.pid)] : [],
      ),
    );
  const found = await discover(A, "20");
  assert.equal(found.code, 0, found.stderr);
  assert.match(found.stdout, new RegExp(`^http://127\\..*/${A}/arm64/`));
  const missing = await discover("bundle-none", "2");
  assert.equal(missing.code, 3, missing.stderr);
  assert.match(missing.stderr, new RegExp(`${A}/arm64, ${B}/arm64`));

  // Over the DHT, whose code runs only then.
  const [, bootstrap = ""] = await provider.line(/DHT node (\S+)/);
  const wan = await run(
    "phase_discover",
    [
      ...["--channel", A, "--arch", "arm64", "--mode", "wan", "--quiet"],
      ...["--bootstrap", bootstrap, "--timeout", "20"],
    ],
    options("phase_discover", inside),
  );
  assert.equal(wan.code, 0, wan.stderr);
  assert.equal(wan.stdout, found.stdout);
});

Deno.test("deno task compile makes four executables", async () => {
  // The runtime to embed into cannot be had everywhere. Any ELF file takes its
  // place: what comes out holds all of the program, though it does not run.
  await using directory = await temporaryDirectory();
  await deno(["task", "compile", directory.path], { DENORT_BIN: "/bin/true" });
  for (const program of ["plasmd", "phase_discover"]) {
    for (const arch of ["x86_64", "aarch64"]) {
      const path = join(
        directory.path,
        `${program}-${arch}-unknown-linux-gnu`,
      );
      const { size, mode } = await Deno.stat(path);
      assert.ok(size > 300_000, `${path} has ${size} bytes`);
      assert.equal((mode ?? 0) & 0o111, 0o111);
    }
  }
});
