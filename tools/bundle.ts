/**
 * `deno task bundle`: both programs as single files in `dist/`, or in the
 * directory that is named. The same sources give the same bytes on every
 * machine.
 *
 * phase_discover.js has the DHT side and what fetches images as texts, CommonJS
 * modules that are evaluated when they are imported. As code in the same file it would double a
 * start with an empty cache, on the booting box every start, since Deno reads
 * through all code once; as text in a module that Deno imports, it would be
 * read through then.
 */
import { builtinModules } from "node:module";
import { basename, join } from "node:path";
import { build, type BuildOptions, type Plugin, stop } from "esbuild";
import {
  type BundledPackage,
  readPackages,
} from "./release/bundled_packages.ts";
import { sourceCommit } from "./source_commit.ts";

/** How a program becomes a file. */
interface Program {
  readonly entry: string;
  /** The modules that the file has as texts, each with all that it needs. */
  readonly evaluated?: readonly string[];
  /** Code in front of everything. */
  readonly banner?: string;
}

/** The directory of the sources. */
export const ROOT: string = join(import.meta.dirname ?? ".", "..");
/**
 * For packages in CommonJS that use Node's modules (multicast-dns), and loads
 * nothing before they do: a module has no `require`.
 */
const CJS_REQUIRE = "var require=(name)=>process.getBuiltinModule(name);";
const PROGRAMS: readonly Program[] = [
  { entry: "plasmd.ts", banner: CJS_REQUIRE },
  {
    entry: "phase_discover.ts",
    evaluated: ["lib/discover/dht_source.ts", "lib/cli/fetch_found.ts"],
  },
];
/** All that goes into a bundle, or says what does. */
const SOURCES = [
  ...PROGRAMS.map(({ entry }) => entry),
  "lib",
  "deno.json",
  "deno.lock",
];

/**
 * Copies the sources to a directory of their own and has Deno put the packages
 * beside them, as locked. There everything has the same names on any machine,
 * and esbuild finds packages as it is used to.
 */
async function stage(directory: string): Promise<void> {
  await run("cp", [
    "-R",
    ...SOURCES.map((name) => join(ROOT, name)),
    directory,
  ]);
  await run(
    Deno.execPath(),
    ["install", "--quiet", "--frozen", "--node-modules-dir=auto"],
    directory,
  );
}

async function run(
  program: string,
  args: string[],
  cwd?: string,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    ...(cwd !== undefined && { cwd }),
  }).output();
  if (success) return;
  throw new Error(
    `Cannot run ${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`,
  );
}

/** Has modules in a bundle as texts, which are evaluated when imported. */
function evaluating(texts: ReadonlyMap<string, string>): Plugin {
  return {
    name: "evaluated texts",
    setup({ onResolve, onLoad }) {
      onResolve(
        { filter: /^\./ },
        ({ kind, path: specifier, resolveDir }) => {
          const path = join(resolveDir, specifier);
          return kind === "dynamic-import" && texts.has(path)
            ? { path, namespace: "evaluated" }
            : undefined;
        },
      );
      onLoad({ filter: /.*/, namespace: "evaluated" }, ({ path }) => ({
        contents: evaluation(texts.get(path) ?? ""),
      }));
    },
  };
}

/** Imports of Node's modules as `node:`: up to 2.8 Deno takes no other name. */
const NODE_NAMES: Plugin = {
  name: "names of Node's modules",
  setup({ onResolve }) {
    onResolve(
      { filter: /^[a-z]/ },
      ({ kind, path }) =>
        kind === "import-statement" && builtinModules.includes(path)
          ? { path: `node:${path}`, external: true }
          : undefined,
    );
  },
};

/** A CommonJS module that is what a text of one exports. */
function evaluation(text: string): string {
  const quoted = JSON.stringify(`"use strict";${text}`);
  return `
    const made = { exports: {} };
    new Function("require", "module", "exports", ${quoted})(
      process.getBuiltinModule, made, made.exports);
    module.exports = made.exports;`;
}

/** Code that is made of modules. */
export interface BundledText {
  /** The code. */
  readonly text: string;
  /** The modules, paths with their text. */
  readonly sources: ReadonlyMap<string, string>;
}

/** A program as a single file. */
export interface Bundle extends BundledText {
  /** Such as `plasmd.js`. */
  readonly name: string;
  /** What is in it as text. */
  readonly evaluated: readonly BundledText[];
  /** What is in it of others. */
  readonly packages: readonly BundledPackage[];
}

async function bundleText(
  directory: string,
  entry: string,
  format: "esm" | "cjs",
  { plugins = [], banner, commit = "" }: {
    plugins?: Plugin[];
    banner?: string;
    commit?: string | undefined;
  } = {},
): Promise<BundledText> {
  const options = {
    absWorkingDir: directory,
    entryPoints: [entry],
    write: false,
    bundle: true,
    format,
    platform: "node",
    conditions: ["deno", "import"],
    target: "esnext",
    // Other letters than ASCII would take V8 two bytes for each that there is.
    charset: "ascii",
    legalComments: "none",
    metafile: true,
    // Not minifySyntax, which once lost `using` declarations and their
    // disposals: evanw/esbuild#4482. It would save 4 %.
    minifyWhitespace: true,
    minifyIdentifiers: true,
    // What is evaluated has nobody who would import for it.
    ...format === "cjs" && { supported: { "dynamic-import": false } },
    define: { BUNDLED_COMMIT: JSON.stringify(commit) },
    plugins: [NODE_NAMES, ...plugins],
    ...banner !== undefined && { banner: { js: banner } },
  } satisfies BuildOptions;
  const { outputFiles: [file], metafile } = await build(options);
  if (file === undefined) throw new Error(`esbuild made nothing of ${entry}`);
  const [{ inputs } = { inputs: {} }] = Object.values(metafile.outputs);
  const paths = Object.keys(inputs)
    .filter((path) => !path.startsWith("evaluated:"));
  const sources = paths.map(async (path) =>
    [path, await Deno.readTextFile(join(directory, path))] as const
  );
  return { text: file.text, sources: new Map(await Promise.all(sources)) };
}

/** Bundles a program whose sources were staged in a directory. */
async function bundle(
  directory: string,
  { entry, evaluated: paths = [], ...options }: Program,
  commit: string | undefined,
): Promise<Bundle> {
  const name = `${basename(entry, ".ts")}.js`;
  const evaluated = await Promise.all(
    paths.map((path) => bundleText(directory, path, "cjs")),
  );
  const texts = new Map(
    paths.map((path, i) => [join(directory, path), evaluated[i]?.text ?? ""]),
  );
  const main = await bundleText(directory, entry, "esm", {
    ...options,
    commit,
    plugins: [evaluating(texts)],
  });
  const early = paths.find((path) => main.sources.has(path));
  if (early !== undefined) {
    throw new Error(`${entry} imports ${early} at its start`);
  }
  const modules = [main, ...evaluated]
    .flatMap(({ sources }) => [...sources.keys()]);
  const packages = await readPackages(directory, modules);
  return { name, ...main, evaluated, packages };
}

/**
 * Both programs.
 *
 * @param commit what `--version` says besides the version
 * @throws when they cannot be bundled
 */
export async function bundlePrograms(commit?: string): Promise<Bundle[]> {
  const made = await Deno.makeTempDir();
  try {
    // esbuild tells paths with links resolved.
    const directory = await Deno.realPath(made);
    await stage(directory);
    return await Promise.all(
      PROGRAMS.map((program) => bundle(directory, program, commit)),
    );
  } finally {
    await stop(); // The process that esbuild works in.
    await Deno.remove(made, { recursive: true });
  }
}

/** What `--version` is to say of the sources as they are. */
export async function sourceCommitOfBundles(): Promise<string | undefined> {
  return await sourceCommit(ROOT, [...SOURCES, "tools"]);
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? "dist";
  await Deno.mkdir(directory, { recursive: true });
  const commit = await sourceCommitOfBundles();
  for (const { name, text } of await bundlePrograms(commit)) {
    await Deno.writeTextFile(join(directory, name), text);
  }
}
