import { join } from "node:path";
import { renderCompletions, type Shell } from "../../lib/config/completions.ts";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import type { Program } from "../../lib/config/option_table.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import { RELEASED_AT_MS, VERSION } from "../../lib/core/version.ts";
import type { Bundle } from "../bundle.ts";
import { unitePackages } from "./bundled_packages.ts";
import { DENO_RUNTIMES } from "./deno_runtime.ts";
import { type FileTree, type MadeFile, textFile } from "./file_tree.ts";
import { manPages } from "./man_pages.ts";
import { renderSbom } from "./sbom.ts";
import { thirdPartyLicenses } from "./third_party_licenses.ts";

/** What a release is made of, the same for every architecture. */
export interface ReleaseFiles {
  /** Of the programs. */
  readonly version: string;
  /** When it was made, milliseconds since 1970; of each file in archives. */
  readonly releasedAtMs: number;
  /** By path: programs, documents, `examples/`, `man/`, `completions/`. */
  readonly tree: FileTree;
  /** What only packages for Debian take, by name. */
  readonly debian: FileTree;
}

/** What is taken from the sources as it is. */
const COPIED = [
  ...["LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md"],
  ...["ARCHITECTURE.md", "docs", "examples"],
];
/** Runs the sources, which are not there. */
const LEFT_OUT: readonly string[] = ["examples/demo.ts"];
const COMPLETION_NAMES: Readonly<Record<Shell, (name: string) => string>> = {
  bash: (name) => `bash/${name}`,
  zsh: (name) => `zsh/_${name}`,
  fish: (name) => `fish/${name}.fish`,
};

/**
 * Makes and gathers all files of a release.
 *
 * @param root where the sources lie
 * @param options.version another version than that of the sources, to test
 * upgrades
 */
export async function gatherFiles(
  root: string,
  bundles: readonly Bundle[],
  { version = VERSION }: { readonly version?: string } = {},
): Promise<ReleaseFiles> {
  const read = (path: string) => Deno.readTextFile(join(root, path));
  const packages = unitePackages(bundles.map((bundle) => bundle.packages));
  const made: [string, MadeFile][] = [
    ...bundles.map(({ name, text }): [string, MadeFile] => [
      name,
      textFile(text),
    ]),
    [
      "THIRD_PARTY_LICENSES",
      textFile(thirdPartyLicenses(packages, await read("LICENSE"))),
    ],
    [
      `plasm-${version}.cdx.json`,
      textFile(renderSbom({
        version,
        releasedAtMs: RELEASED_AT_MS,
        packages,
        locked: JSON.parse(await read("deno.lock")).npm,
        runtimes: DENO_RUNTIMES,
      })),
    ],
    ...[...manPages(await read("examples/provider.toml"), version)].map((
      [name, text],
    ): [string, MadeFile] => [`man/${name}`, textFile(text)]),
    ...completions(),
  ];
  const copied = await Promise.all(COPIED.map((path) => copy(root, path)));
  return {
    version,
    releasedAtMs: RELEASED_AT_MS,
    tree: new Map([...made, ...copied.flat()]),
    debian: new Map(await copy(join(root, "packaging/deb"), ".")),
  };
}

function completions(): [string, MadeFile][] {
  const programs: Program[] = [PLASMD_PROGRAM, DISCOVER_PROGRAM];
  return programs.flatMap((program) =>
    (["bash", "zsh", "fish"] as const).map((shell): [string, MadeFile] => [
      `completions/${COMPLETION_NAMES[shell](program.name)}`,
      textFile(renderCompletions(program, shell)),
    ])
  );
}

/** A file, or all below a directory. */
async function copy(
  root: string,
  path: string,
): Promise<[string, MadeFile][]> {
  const { isDirectory, mode } = await Deno.stat(join(root, path));
  if (!isDirectory) {
    const content = await Deno.readFile(join(root, path));
    const isExecutable = ((mode ?? 0) & 0o100) !== 0;
    return [[path, { content, isExecutable }]];
  }
  const below: [string, MadeFile][] = [];
  for await (const { name } of Deno.readDir(join(root, path))) {
    const inside = path === "." ? name : `${path}/${name}`;
    if (!LEFT_OUT.includes(inside)) below.push(...await copy(root, inside));
  }
  return below;
}
