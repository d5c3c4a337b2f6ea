/**
 * `deno task release`: what is published of a version, in `dist/` or in the
 * directory that is named. The same sources give the same bytes, wherever and
 * whenever they are built by the same Deno.
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundlePrograms, ROOT, sourceCommitOfBundles } from "./bundle.ts";
import { compilePrograms, foreignRemark } from "./compile.ts";
import { DENO_RUNTIMES, downloadDeno } from "./release/deno_runtime.ts";
import { tarEntries } from "./release/file_tree.ts";
import { plasmPackage } from "./release/plasm_package.ts";
import { gatherFiles, type ReleaseFiles } from "./release/release_files.ts";
import { writeTar } from "./release/tar.ts";

/** Files of a release that are published beside the archives, too. */
const ALONE =
  /^(?:plasmd\.js|phase_discover\.js|THIRD_PARTY_LICENSES|.+\.cdx\.json)$/;

/** All but the executables, by name, one after the other. */
async function* publishedFiles(
  files: ReleaseFiles,
): AsyncGenerator<readonly [name: string, content: Uint8Array<ArrayBuffer>]> {
  const { version, releasedAtMs, tree } = files;
  for (const [path, { content }] of tree) {
    if (ALONE.test(path)) yield [path, content];
  }
  const root = `plasm-${version}`;
  yield [
    `${root}.tar.gz`,
    Uint8Array.from(gzipSync(writeTar(tarEntries(tree, root), releasedAtMs))),
  ];
  for (const runtime of DENO_RUNTIMES) {
    const name = `plasm_${version}_${runtime.architecture}.deb`;
    yield [name, plasmPackage(files, runtime, await downloadDeno(runtime))];
  }
}

/** Lines that `sha256sum --check` reads. */
async function checksums(
  directory: string,
  names: readonly string[],
): Promise<string> {
  const lines = [...names].sort().map(async (name) => {
    const content = await Deno.readFile(join(directory, name));
    const digest = await crypto.subtle.digest("SHA-256", content);
    return `${new Uint8Array(digest).toHex()}  ${name}\n`;
  });
  return (await Promise.all(lines)).join("");
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? "dist";
  await Deno.mkdir(directory, { recursive: true });
  const commit = await sourceCommitOfBundles();
  const files = await gatherFiles(ROOT, await bundlePrograms(commit));
  const names: string[] = [];
  for await (const [name, content] of publishedFiles(files)) {
    await Deno.writeFile(join(directory, name), content);
    names.push(name);
  }
  const compiled = await compilePrograms(directory);
  names.push(...compiled.names);
  for (const name of compiled.foreign) await Deno.remove(join(directory, name));
  await Deno.writeTextFile(
    join(directory, "SHA256SUMS"),
    await checksums(directory, names),
  );
  const made = [...names, "SHA256SUMS"].map((name) => join(directory, name));
  Deno.stdout.writeSync(new TextEncoder().encode(`${made.join("\n")}\n`));
  const remarks = [...compiled.problems, ...foreignRemark(compiled.foreign)];
  if (commit === undefined) {
    remarks.push("This is no checkout: --version does not say a commit");
  } else if (commit.includes("-")) {
    remarks.push(`Files differ from the commit: --version says ${commit}`);
  }
  for (const remark of remarks) {
    Deno.stderr.writeSync(new TextEncoder().encode(`${remark}\n`));
  }
}
