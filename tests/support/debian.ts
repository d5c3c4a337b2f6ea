/** Debian in a directory of its own, and our package for it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { bundlePrograms, ROOT } from "../../tools/bundle.ts";
import {
  DENO_RUNTIMES,
  downloadDeno,
} from "../../tools/release/deno_runtime.ts";
import { plasmPackage } from "../../tools/release/plasm_package.ts";
import { gatherFiles } from "../../tools/release/release_files.ts";
import { commandOutput } from "./command_output.ts";
import { temporaryDirectory } from "./programs.ts";

const SUITE = "bookworm";

/** A Debian that is there until it is disposed of. */
export interface Debian extends AsyncDisposable {
  /** Where it lies. */
  readonly root: string;
  /** Around it, for files of the test. */
  readonly directory: string;
}

/** Where its root has the package of a version, amd64. */
export function packagePath(version: string): string {
  return `/plasm-${version}.deb`;
}

/**
 * Makes one with packages of ours in it.
 *
 * @param options.versions of our package
 * @param options.include what it has installed beyond the least
 * @returns or why none can be made: no mirror, no device nodes
 */
export async function makeDebian(
  { versions, include = [] }: {
    readonly versions: readonly string[];
    readonly include?: readonly string[];
  },
): Promise<Debian | string> {
  await using stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await temporaryDirectory());
  const root = join(directory, "debian");
  const packages = include.length === 0 ? [] : [`--include=${include}`];
  try {
    await commandOutput("debootstrap", [
      ...["--variant=minbase", ...packages, SUITE, root],
    ]);
    await buildPackages(root, versions);
  } catch (error) {
    return lastLine(error);
  }
  const whole = stack.move();
  return {
    root,
    directory,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

async function buildPackages(
  root: string,
  versions: readonly string[],
): Promise<void> {
  const [runtime] = DENO_RUNTIMES;
  assert.equal(runtime?.architecture, "amd64");
  const deno = await downloadDeno(runtime);
  const bundles = await bundlePrograms();
  for (const version of versions) {
    const files = await gatherFiles(ROOT, bundles, { version });
    await Deno.writeFile(
      join(root, packagePath(version)),
      plasmPackage(files, runtime, deno),
    );
  }
}

/** What a program that failed said at last. */
function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n").at(-1) ?? "";
}
