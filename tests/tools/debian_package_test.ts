/** Archives and packages as other programs read them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import {
  DEFAULT_CONFIG,
  mergeConfig,
} from "../../lib/config/provider_config.ts";
import { bundlePrograms, ROOT } from "../../tools/bundle.ts";
import { executableIn } from "../../tools/release/deno_runtime.ts";
import { tarEntries, textFile } from "../../tools/release/file_tree.ts";
import {
  commentedOut,
  plasmPackage,
} from "../../tools/release/plasm_package.ts";
import { gatherFiles } from "../../tools/release/release_files.ts";
import { readTar, writeTar } from "../../tools/release/tar.ts";
import { DISCOVER_FLAGS, PLASMD_FLAGS } from "../../tools/shipped_flags.ts";
import { commandOutput } from "../support/command_output.ts";
import { isFile } from "../support/network_lab.ts";
import { temporaryDirectory } from "../support/programs.ts";

const AT_MS = Date.parse("2026-01-02T03:04:00Z");

Deno.test("tar reads the archives that are written here", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "a.tar");
  const tree = new Map([
    ["b/run", { ...textFile("x".repeat(513)), isExecutable: true }],
    ["a", textFile("")],
  ]);
  await Deno.writeFile(path, writeTar(tarEntries(tree, "top", ["e"]), AT_MS));
  const list = await commandOutput("tar", ["-tvf", path], {
    env: { TZ: "UTC" },
  });
  assert.deepEqual(list.trim().split("\n").map((line) => line.split(/ +/)), [
    ["drwxr-xr-x", "root/root", "0", "2026-01-02", "03:04", "top/"],
    ["-rw-r--r--", "root/root", "0", "2026-01-02", "03:04", "top/a"],
    ["drwxr-xr-x", "root/root", "0", "2026-01-02", "03:04", "top/b/"],
    ["-rwxr-xr-x", "root/root", "513", "2026-01-02", "03:04", "top/b/run"],
    ["drwxr-xr-x", "root/root", "0", "2026-01-02", "03:04", "top/e/"],
  ]);
  const files = readTar(await Deno.readFile(path));
  assert.deepEqual([...files.keys()], ["top/a", "top/b/run"]);
  assert.equal(files.get("top/b/run")?.length, 513);
});

Deno.test("a name that is too long for tar is refused, a cut archive as well", () => {
  const tree = new Map([["x".repeat(101), textFile("")]]);
  assert.throws(() => writeTar(tarEntries(tree, "."), 0), /does not fit/);
  const whole = writeTar(tarEntries(new Map([["a", textFile("abc")]]), "."), 0);
  assert.throws(() => readTar(whole.slice(0, 1024)), /cut/);
});

Deno.test("a Deno with other bytes than those that are named is refused", () => {
  const tree = new Map([["deno", textFile("ELF")]]);
  const archive = Uint8Array.from(
    gzipSync(writeTar(tarEntries(tree, "package"), 0)),
  );
  const digest = createHash("sha512").update(archive).digest("base64");
  const integrity = `sha512-${digest}`;
  const executable = executableIn(archive, { name: "deno", integrity });
  assert.equal(new TextDecoder().decode(executable), "ELF");
  assert.throws(
    () => executableIn(archive, { name: "deno", integrity: "sha512-AAAA" }),
    /deno is not what .* names: sha512-/,
  );
});

Deno.test("the configuration of a package says nothing but what is built in", async () => {
  const example = await Deno.readTextFile(join(ROOT, "examples/provider.toml"));
  const layer = parseConfigFile(
    commentedOut(example),
    "/etc/plasm/provider.toml",
  );
  assert.deepEqual(mergeConfig(layer, {}), DEFAULT_CONFIG);
});

const hasDpkg = isFile("/usr/bin/dpkg-deb");

Deno.test({
  name: `dpkg-deb reads the package: launchers, unit, conffile${
    hasDpkg ? "" : " (skipped: dpkg-deb is not installed)"
  }`,
  ignore: !hasDpkg,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const files = await gatherFiles(ROOT, await bundlePrograms());
    const deb = join(path, "plasm.deb");
    const deno = new TextEncoder().encode("odd");
    await Deno.writeFile(
      deb,
      plasmPackage(files, { architecture: "arm64" }, deno),
    );
    const field = async (name: string) =>
      (await commandOutput("dpkg-deb", ["--field", deb, name])).trim();
    assert.equal(await field("Version"), files.version);
    assert.equal(await field("Architecture"), "arm64");
    assert.ok(Number(await field("Installed-Size")) > 2000);
    await commandOutput("dpkg-deb", ["--raw-extract", deb, join(path, "raw")]);
    const read = (name: string) => Deno.readTextFile(join(path, "raw", name));
    for (
      const [program, flags] of [
        ["plasmd", PLASMD_FLAGS],
        ["phase_discover", DISCOVER_FLAGS],
      ] as const
    ) {
      const launcher = await read(`usr/bin/${program}`);
      assert.ok(
        launcher.endsWith(
          `exec /usr/lib/plasm/deno run --no-config ${flags.join(" ")} \\\n` +
            `  /usr/lib/plasm/${program}.js "$@"\n`,
        ),
        launcher,
      );
      await commandOutput("sh", ["-n", join(path, "raw/usr/bin", program)]);
    }
    assert.equal(await read("DEBIAN/conffiles"), "/etc/plasm/provider.toml\n");
    const unit = await read("usr/lib/systemd/system/plasmd.service");
    assert.match(unit, /^ExecStart=\/usr\/bin\/plasmd serve /m);
    assert.doesNotMatch(unit, /\/usr\/local/);
    for (const script of ["postinst", "prerm", "postrm"]) {
      const name = join(path, "raw/DEBIAN", script);
      assert.equal(((await Deno.stat(name)).mode ?? 0) & 0o777, 0o755);
      await commandOutput("sh", ["-n", name]);
    }
  },
});
