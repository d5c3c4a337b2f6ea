/** A release that is made anew elsewhere has the same bytes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../tools/bundle.ts";
import {
  DENO_RUNTIMES,
  downloadDeno,
} from "../../tools/release/deno_runtime.ts";
import { commandOutput } from "../support/command_output.ts";
import { temporaryDirectory } from "../support/programs.ts";

const SOURCES = [
  ...["lib", "tools", "packaging", "examples", "docs"],
  ...["plasmd.ts", "phase_discover.ts", "deno.json", "deno.lock"],
  ...["LICENSE", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md"],
];
const TARGET = "x86_64-unknown-linux-gnu";

/** Puts a stand-in where Deno looks for the runtime that it would download. */
async function placeRuntime(denoDir: string): Promise<void> {
  const at = join(denoDir, "dl/release", `v${Deno.version.deno}`);
  await Deno.mkdir(at, { recursive: true });
  await Deno.copyFile("/bin/true", join(at, "denort"));
  const archive = `denort-${TARGET}.zip`;
  await commandOutput("python3", ["-m", "zipfile", "-c", archive, "denort"], {
    cwd: at,
  });
}

/** @returns what was made, by name: the digest in SHA256SUMS */
async function release(
  directory: string,
  { umask, timeZone }: { readonly umask: string; readonly timeZone: string },
): Promise<Record<string, string>> {
  const at = (name: string) => join(directory, name);
  for (const name of ["sources", "home", "temporary", "deno-dir"]) {
    await Deno.mkdir(at(name), { recursive: true });
  }
  const info = await commandOutput(Deno.execPath(), ["info", "--json"]);
  const npmCache = await commandOutput("npm", ["config", "get", "cache"]);
  const packages = join(JSON.parse(info).denoDir, "npm");
  await commandOutput("cp", ["-R", packages, at("deno-dir")]);
  await placeRuntime(at("deno-dir"));
  await commandOutput("cp", [
    "-R",
    ...SOURCES.map((name) => join(ROOT, name)),
    at("sources"),
  ]);
  const made = await new Deno.Command("sh", {
    args: ["-c", `umask ${umask} && exec "$@"`, "sh", Deno.execPath(), "run"]
      .concat("-A", "--no-prompt", "tools/release.ts", at("made")),
    cwd: at("sources"),
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      ...{ HOME: at("home"), TMPDIR: at("temporary"), TZ: timeZone },
      ...{ DENO_DIR: at("deno-dir"), npm_config_cache: npmCache.trim() },
    },
  }).output();
  assert.ok(made.success, new TextDecoder().decode(made.stderr));
  const sums = await Deno.readTextFile(join(at("made"), "SHA256SUMS"));
  await commandOutput("sha256sum", ["--check", "--quiet", "SHA256SUMS"], {
    cwd: at("made"),
  });
  return Object.fromEntries(
    sums.trim().split("\n").map((line) => line.split("  ").reverse()),
  );
}

/** Why packages cannot be built here; undefined when they can. */
async function obstacle(): Promise<string | undefined> {
  if (!Deno.args.includes("--all")) return "only with e2e --all";
  if (Deno.build.arch !== "x86_64") return "needs an executable of x86_64";
  try {
    for (const runtime of DENO_RUNTIMES) await downloadDeno(runtime);
    return undefined;
  } catch (error) {
    const [line] = `${error}`.split("\n");
    return line;
  }
}

const reason = await obstacle();

Deno.test({
  name: `two releases from different directories and homes have the same bytes${
    reason === undefined ? "" : ` (skipped: ${reason})`
  }`,
  ignore: reason !== undefined,
  timeout: 300_000,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const one = await release(join(directory.path, "one"), {
      umask: "022",
      timeZone: "UTC",
    });
    const other = await release(join(directory.path, "another place"), {
      umask: "077",
      timeZone: "Asia/Tokyo",
    });
    assert.deepEqual(one, other);
    const names = Object.keys(one);
    for (const program of ["plasmd", "phase_discover"]) {
      assert.ok(names.includes(`${program}.js`));
      assert.ok(names.includes(`${program}-${TARGET}`));
    }
    const packages = names.filter((name) => name.endsWith(".deb"));
    assert.equal(packages.length, 2, names.join());
  },
});
