import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../lib/core/version.ts";
import { bundlePrograms } from "../../tools/bundle.ts";
import { temporaryDirectory } from "../support/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Functions with a `using` that a program does not call, so that esbuild leaves
 * them out: how many `using` of a file that makes.
 */
const UNUSED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "phase_discover.js": {
    "lib/net/dht/identity.ts": 1, // It has a new identity each time.
  },
};

/** How many names `using` and `await using` declare, as a parser sees it. */
function usingCount(path: string, text: string): number {
  let count = 0;
  const counter: Deno.lint.Plugin = {
    name: "using",
    rules: {
      count: {
        create: () => ({
          VariableDeclaration({ kind, declarations }) {
            if (kind === "using" || kind === "await using") {
              count += declarations.length;
            }
          },
        }),
      },
    },
  };
  Deno.lint.runPlugin(counter, path, text);
  return count;
}

async function output(
  program: string,
  args: string[],
  options: Deno.CommandOptions = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: ROOT,
    ...options,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const bundles = await bundlePrograms();

Deno.test("`using` is counted however it is written, and nowhere else", () => {
  const count = (text: string) => usingCount("sample.ts", text);
  assert.equal(count("{ using a = f(); a.b() }"), 1);
  assert.equal(count("async () => { await using a = f(), b = g(); }"), 2);
  assert.equal(count("for (using a of b) f(a)"), 1);
  assert.equal(
    count("const using = 1; f(using, 'using a = 1'); // using b"),
    0,
  );
  // What esbuild once made of the first.
  assert.equal(count("{ f().b() }"), 0);
});

for (const { name, evaluated, ...main } of bundles) {
  const texts = [main, ...evaluated];
  Deno.test(`every \`using\` of the sources is in ${name}`, () => {
    for (const { text, sources } of texts) {
      const wanted: Record<string, number> = {};
      for (const [path, source] of sources) {
        const count = usingCount(path, source) - (UNUSED[name]?.[path] ?? 0);
        if (count !== 0) wanted[path] = count;
      }
      assert.ok(Object.keys(wanted).length > 0);
      assert.equal(
        usingCount(name, text),
        Object.values(wanted).reduce((sum, count) => sum + count, 0),
        `Not the \`using\` of ${JSON.stringify(wanted)}`,
      );
    }
  });

  Deno.test(`${name} has nothing but ASCII letters`, () => {
    // deno-lint-ignore no-control-regex
    assert.match(main.text, /^[\x00-\x7f]*$/);
  });

  const wanted = name === "phase_discover.js" ? 2 : 0;
  Deno.test(`${name} evaluates ${wanted} texts`, () => {
    assert.equal(evaluated.length, wanted);
    assert.equal(
      main.text.match(/\bnew Function\b|\beval\(/g)?.length ?? 0,
      wanted,
    );
    // Nor is there such a thing in what is evaluated.
    for (const { text } of evaluated) {
      assert.doesNotMatch(text, /\bnew Function\b|\beval\(|\bimport\(/);
    }
  });
}

Deno.test({
  name: "a bundle says its version and commit",
  // esbuild's processes are told to end, and do that during any test.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using directory = await temporaryDirectory();
    for (
      const [said, [plasmd]] of [
        ["", bundles],
        [" (0123456789ab)", await bundlePrograms("0123456789ab")],
      ] as const
    ) {
      const path = join(directory.path, "plasmd.js");
      await Deno.writeTextFile(path, plasmd?.text ?? "");
      const args = ["run", "--no-config", path, "--version"];
      assert.equal(
        await output(Deno.execPath(), args),
        `plasmd ${VERSION}${said}\n`,
      );
    }
  },
});

Deno.test("phase_discover.js loads one module of Node at its start", () => {
  const text = bundles.find(({ name }) => name === "phase_discover.js")?.text;
  assert.deepEqual(
    [...(text ?? "").matchAll(/\bimport\b[^"';(]*["'](.+?)["']/g)]
      .map(([, specifier]) => specifier),
    ["node:dgram"],
  );
});

Deno.test("the mDNS of strangers is in plasmd.js, for doctor, and nowhere else", () => {
  assert.deepEqual(
    bundles.filter(({ sources }) =>
      [...sources.keys()].some((path) => path.includes("/multicast-dns/"))
    ).map(({ name }) => name),
    ["plasmd.js"],
  );
});

Deno.test("bundles are the same on every machine and in every directory", async () => {
  await using directory = await temporaryDirectory();
  const paths = ["project", "home", "cache", "temporary", "made"]
    .map((name) => join(directory.path, name));
  const [project = "", home = "", cache = "", temporary = "", made = ""] =
    paths;
  for (const path of paths) await Deno.mkdir(path);
  const { denoDir } = JSON.parse(
    await output(Deno.execPath(), ["info", "--json"]),
  );
  await output("cp", ["-R", join(denoDir, "npm"), cache]);
  await output("cp", [
    ...["-R", "lib", "tools", "plasmd.ts", "phase_discover.ts"],
    ...["deno.json", "deno.lock", project],
  ]);
  await output(
    Deno.execPath(),
    ["run", "-A", "--no-prompt", "--cached-only", "tools/bundle.ts", made],
    {
      cwd: project,
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        ...{ HOME: home, DENO_DIR: cache, TMPDIR: temporary },
      },
    },
  );
  for (const { name, text } of bundles) {
    assert.ok(await Deno.readTextFile(join(made, name)) === text, name);
    for (const path of [ROOT, denoDir, Deno.env.get("HOME") ?? ROOT]) {
      assert.ok(!text.includes(join(path, "/")), `${name} names ${path}`);
    }
  }
});
