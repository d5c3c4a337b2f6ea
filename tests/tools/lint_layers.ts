/**
 * Enforces the layer table of ARCHITECTURE.md: imports point downward only,
 * each npm package has one owner, `Deno.*` stays in the thin shells, time comes
 * from the clock, and nothing is read that the shipped permissions refuse.
 */

/** Rooms from the bottom up; a module imports only from its own room or below. */
const LAYERS: readonly (readonly string[])[] = [
  ["core"],
  ["config"],
  ["scan"],
  ["manifest", "net"],
  ["net/dns"],
  ["net/mdns", "net/dht", "net/upnp", "net/http1"],
  ["wire"],
  ["advertise", "discover", "http/artifacts"],
  ["http/boot", "http/status"],
  ["http"],
  ["provider"],
  ["cli"],
];

/** The modules that may import each package, as a path below lib/. */
const OWNERS: readonly (readonly [name: RegExp, owner: RegExp])[] = [
  [/^(smol-toml|valibot)$/, /^config\//],
  [/^hono(\/|$)/, /^http\//],
  [/^(multicast-dns|dns-packet)$/, /^net\/(mdns|dns)\//],
  [
    /^(libp2p|@libp2p\/.*|@chainsafe\/.*|@multiformats\/.*|multiformats|datastore-core|interface-datastore|uint8arrays)(\/|$)/,
    /^net\/dht\//,
  ],
];

/** Where `Deno.*` may be used: everything else decides, and is handed its I/O. */
const SHELLS =
  /^(net\/(interfaces|default_route|mdns\/system_network|dht\/dnsaddr|http1\/(get|server))|cli\/[a-z_]+)\.ts$/;

/**
 * A path, or the beginning of one, that Deno lets nobody open without
 * `--allow-all`: in a program that is shipped it is there in tests only.
 */
const REFUSED_PATH =
  /(?:^|[\s'"=:]|^file:\/\/)\/+(?:proc|sys|dev)(?:\/|$)|^(?:proc|sys|dev)\//;

/** `doctor` uses more where it is allowed, and says what it could not look at. */
const DOCTOR = /(?:^|\/)doctor(?:_[a-z0-9_]+)?(?:\.ts$|\/)/;

function pathBelowLib(filename: string): string | undefined {
  return /\/lib\/([a-z0-9_/]+\.ts)$/.exec(filename.replaceAll("\\", "/"))?.[1];
}

/** The room of a module: the innermost of its folders that LAYERS names. */
function roomOf(path: string): string {
  const folders = path.split("/").slice(0, -1);
  for (let depth = folders.length; depth > 0; depth--) {
    const room = folders.slice(0, depth).join("/");
    if (LAYERS.some((rooms) => rooms.includes(room))) return room;
  }
  return folders[0] ?? path.replace(/\.ts$/, "");
}

/** The path below lib/ that a relative import in `from` points to. */
function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///lib/${from}`).pathname
    .replace(/^\/lib\//, "");
}

/**
 * Whether a module lies in a folder `internal` of a room that `from` is not
 * in: `net/dht/internal/` is for `net/dht/` alone.
 */
function isInternalTo(target: string, from: string): boolean {
  const room = /^(.*\/)internal\//.exec(target)?.[1];
  return room !== undefined && !from.startsWith(room);
}

const plugin: Deno.lint.Plugin = {
  name: "layers",
  rules: {
    "downward-imports": {
      create(context) {
        const self = pathBelowLib(context.filename);
        if (self === undefined) return {};
        const room = roomOf(self);
        const layer = LAYERS.findIndex((rooms) => rooms.includes(room));
        const check = (
          node: Deno.lint.Node,
          source: { value: unknown } | null,
        ) => {
          if (typeof source?.value !== "string") return;
          const target = resolveImport(self, source.value);
          if (target !== undefined) {
            if (isInternalTo(target, self)) {
              context.report({
                node,
                message: `"${self}" may not import "${target}"`,
                hint: "A folder `internal` is for the room it lies in",
              });
            }
            const other = roomOf(target);
            const otherLayer = LAYERS.findIndex((r) => r.includes(other));
            if (other !== room && (otherLayer < 0 || otherLayer >= layer)) {
              context.report({
                node,
                message: `"${self}" may not import "${target}"`,
                hint: "Imports point downward, see ARCHITECTURE.md",
              });
            }
          }
          for (const [name, owner] of OWNERS) {
            if (name.test(source.value) && !owner.test(self)) {
              context.report({
                node,
                message: `"${self}" does not own "${source.value}"`,
                hint: `Its owner is lib/${owner.source}`,
              });
            }
          }
        };
        return {
          Program(node) {
            if (layer < 0) {
              context.report({
                node,
                message: `lib/${self} is in no layer`,
                hint: "Add its room to LAYERS and to ARCHITECTURE.md",
              });
            }
          },
          ImportDeclaration: (node) => check(node, node.source),
          ExportNamedDeclaration: (node) => check(node, node.source),
          ExportAllDeclaration: (node) => check(node, node.source),
          ImportExpression(node) {
            if (node.source.type === "Literal") check(node, node.source);
          },
          MemberExpression(node) {
            if (
              node.object.type === "Identifier" &&
              node.object.name === "Deno" &&
              !SHELLS.test(self)
            ) {
              context.report({
                node,
                message: `"${self}" uses Deno.*`,
                hint: "Pass the clock, disk or socket in",
              });
            }
          },
        };
      },
    },
    "no-refused-paths": {
      create(context) {
        const self = pathBelowLib(context.filename);
        if (self === undefined || DOCTOR.test(self)) return {};
        const check = (node: Deno.lint.Node, text: unknown) => {
          if (typeof text !== "string" || !REFUSED_PATH.test(text)) return;
          context.report({
            node,
            message: `"${self}" names "${text}"`,
            hint: "Deno refuses /proc, /sys and /dev with the permissions " +
              "that users give: ask a socket, stat or the environment",
          });
        };
        return {
          Literal: (node) => check(node, node.value),
          TemplateElement: (node) => check(node, node.cooked),
        };
      },
    },
    "injected-time": {
      create(context) {
        const self = pathBelowLib(context.filename);
        if (self === undefined || self === "core/clock.ts") return {};
        return {
          CallExpression(node) {
            const text = context.sourceCode.getText(node.callee);
            if (
              /^(Date\.now|performance\.now|setTimeout|setInterval|AbortSignal\.timeout)$/
                .test(text)
            ) {
              context.report({
                node,
                message: `"${self}" calls ${text}()`,
                hint: "Use the Clock that is passed in",
              });
            }
          },
        };
      },
    },
  },
};
export default plugin;
