/** Rules of a plugin, by their ids. */
export type Rules = Readonly<Record<string, Deno.lint.Rule>>;

/** The path of a module below lib/, or undefined when it is not there. */
export function pathBelowLib(filename: string): string | undefined {
  return /\/lib\/([a-z0-9_/]+\.ts)$/.exec(filename.replaceAll("\\", "/"))?.[1];
}

/** The path below lib/ that a relative import in `from` points to. */
export function resolveImport(
  from: string,
  specifier: string,
): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///lib/${from}`).pathname
    .replace(/^\/lib\//, "");
}

/** Calls back for everything that a module imports, whichever way. */
export function onImports(
  check: (node: Deno.lint.Node, specifier: string) => void,
): Deno.lint.LintVisitor {
  const onSource = (
    node: Deno.lint.Node,
    source: { value: unknown } | null,
  ) => {
    if (typeof source?.value === "string") check(node, source.value);
  };
  return {
    ImportDeclaration: (node) => onSource(node, node.source),
    ExportNamedDeclaration: (node) => onSource(node, node.source),
    ExportAllDeclaration: (node) => onSource(node, node.source),
    ImportExpression(node) {
      if (node.source.type === "Literal") onSource(node, node.source);
    },
  };
}
