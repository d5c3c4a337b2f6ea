/**
 * `deno task bundle`: both programs as single files in `dist/`, or in the
 * directory that is named.
 *
 * A module that is imported lazily costs its parsing and all of its `node:`
 * imports at every start once it lies in the same file. On the booting box
 * that would be most of the time there is, so in phase_discover.js the DHT
 * side is a string, which becomes a module when it is needed: a CommonJS one,
 * since Deno reads through what it imports, which takes a quarter of a second.
 */
import { join } from "node:path";

const LAZY_MODULE = "../discover/dht_source.ts";

async function bundle(entry: string, ...options: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform", "deno"],
      ...[...options, entry],
    ],
    cwd: join(import.meta.dirname ?? ".", ".."),
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(
    `Cannot bundle ${entry}: ${new TextDecoder().decode(stderr)}`,
  );
}

async function bundleDiscover(): Promise<string> {
  const eager = await bundle("phase_discover.ts", "--external", LAZY_MODULE);
  const lazy = await bundle(
    "lib/discover/dht_source.ts",
    ...["--minify", "--format", "cjs"],
  );
  const call = `import("${LAZY_MODULE}")`;
  const [before, after, ...more] = eager.split(call);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`phase_discover does not contain ${call} exactly once`);
  }
  return compiledAhead(
    `${before}(${importPacked})("${await pack(lazy)}")${after}`,
  );
}

/**
 * V8 compiles a function when it is called first, unless it is an expression
 * in parentheses; and what Deno's code cache keeps of a module is what was
 * compiled when it was loaded. As such expressions the functions of the module
 * take 5 ms less of each start but the first.
 *
 * Declarations hold from the beginning of a module wherever they stand, so
 * these come first. The bundler puts them at the beginning of a line, and
 * their ends too.
 */
function compiledAhead(source: string): string {
  const declaration = /^((?:async )?function\*? (\w+)\(.*?^\})$/gms;
  const expressions: string[] = [];
  const rest = source.replace(declaration, (_, whole, name) => {
    expressions.push(`var ${name} = (${whole});`);
    return "";
  });
  return `${expressions.join("\n")}\n${rest}`;
}

/** Gzip, in base64: what is not read costs nothing at start. */
async function pack(source: string): Promise<string> {
  const packed = new Blob([source]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return (await new Response(packed).bytes()).toBase64();
}

/**
 * Makes a module of what `pack` made. Its own text goes into the bundle, so it
 * uses nothing from around it.
 */
async function importPacked(packed: string): Promise<unknown> {
  const bytes = new Blob([Uint8Array.fromBase64(packed)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  const source = `"use strict";${await new Response(bytes).text()}`;
  const { default: process } = await import("node:process");
  const module = { exports: {} };
  new Function("require", "module", "exports", source)(
    process.getBuiltinModule,
    module,
    module.exports,
  );
  return module.exports;
}

if (import.meta.main) {
  const directory = Deno.args[0] ?? "dist";
  await Deno.mkdir(directory, { recursive: true });
  const [plasmd, discover] = await Promise.all([
    bundle("plasmd.ts", "--minify"),
    bundleDiscover(),
  ]);
  await Deno.writeTextFile(join(directory, "plasmd.js"), plasmd);
  await Deno.writeTextFile(join(directory, "phase_discover.js"), discover);
}
