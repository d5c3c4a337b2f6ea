import assert from "node:assert/strict";
import { dirname, join } from "node:path";

/** The modules that each module imports, by path. */
type ImportGraph = ReadonlyMap<string, readonly string[]>;

/**
 * Follows imports until they come back.
 *
 * @returns the modules of a cycle, in order, the first one once more at the
 * end; undefined when there is none
 */
function findCycle(graph: ImportGraph): string[] | undefined {
  const done = new Set<string>();
  const visit = (
    module: string,
    way: readonly string[],
  ): string[] | undefined => {
    const start = way.indexOf(module);
    if (start >= 0) return [...way.slice(start), module];
    if (done.has(module)) return undefined;
    for (const next of graph.get(module) ?? []) {
      const cycle = visit(next, [...way, module]);
      if (cycle !== undefined) return cycle;
    }
    done.add(module);
    return undefined;
  };
  for (const module of graph.keys()) {
    const cycle = visit(module, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** All imports below a directory: of values and of types, late ones as well. */
async function readImports(
  directory: string,
  graph: Map<string, string[]> = new Map(),
): Promise<Map<string, string[]>> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) await readImports(path, graph);
    else if (name.endsWith(".ts")) {
      const source = await Deno.readTextFile(path);
      const imports = source.matchAll(
        /^(?:import|export)\s[^;"]*"(\.[^"]+)"|import\("(\.[^"]+)"\)/gm,
      );
      graph.set(
        path,
        Array.from(
          imports,
          ([, early, late]) => join(dirname(path), early ?? late ?? ""),
        ),
      );
    }
  }
  return graph;
}

Deno.test("no module of lib imports itself in a roundabout way", async () => {
  const lib = new URL("../../lib", import.meta.url).pathname;
  const graph = await readImports(lib);
  const imports = [...graph.values()].flat();
  assert.ok(imports.length > graph.size);
  assert.deepEqual(imports.filter((path) => !graph.has(path)), []);
  assert.equal(findCycle(graph), undefined);
});

Deno.test("a cycle that was planted is found", () => {
  const planted = new Map([["a", ["b", "c"]], ["b", []], ["c", ["d"]]]);
  assert.equal(findCycle(planted), undefined);
  planted.set("d", ["b", "c"]);
  assert.deepEqual(findCycle(planted), ["c", "d", "c"]);
  assert.deepEqual(findCycle(new Map([["a", ["a"]]])), ["a", "a"]);
});
