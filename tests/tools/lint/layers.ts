import {
  onImports,
  pathBelowLib,
  resolveImport,
  type Rules,
} from "./modules.ts";

/** Rooms from the bottom up; a module imports only from its own room or below. */
const LAYERS: readonly (readonly string[])[] = [
  ["core"],
  ["machines"],
  ["config"],
  ["scan"],
  ["manifest", "net"],
  ["net/dns"],
  ["net/mdns", "net/dht", "net/upnp", "net/http1", "net/dhcp", "net/tftp"],
  ["wire"],
  ["advertise", "discover", "fetch", "http/artifacts"],
  ["http/boot", "http/status", "pxe"],
  ["http"],
  ["provider", "doctor"],
  ["mirror"],
  ["cli"],
];

/** The room of a module: the innermost of its folders that LAYERS names. */
function roomOf(path: string): string {
  const folders = path.split("/").slice(0, -1);
  for (let depth = folders.length; depth > 0; depth--) {
    const room = folders.slice(0, depth).join("/");
    if (LAYERS.some((rooms) => rooms.includes(room))) return room;
  }
  return folders[0] ?? path.replace(/\.ts$/, "");
}

function layerOf(room: string): number {
  return LAYERS.findIndex((rooms) => rooms.includes(room));
}

/**
 * Whether a module lies in a folder `internal` of a room that `from` is not
 * in: `net/dht/internal/` is for `net/dht/` alone.
 */
function isInternalTo(target: string, from: string): boolean {
  const room = /^(.*\/)internal\//.exec(target)?.[1];
  return room !== undefined && !from.startsWith(room);
}

/** Protocols know no image: of the rooms below, they use the words alone. */
function isForeignToProtocols(target: string, room: string): boolean {
  return /^net(\/|$)/.test(room) &&
    (/^(config|machines|scan|manifest)\//.test(target) ||
      target === "core/channel_arch.ts");
}

/** Imports point downward, see ARCHITECTURE.md. */
export const layers: Rules = {
  "downward-imports": {
    create(context) {
      const self = pathBelowLib(context.filename);
      if (self === undefined) return {};
      const room = roomOf(self);
      const layer = layerOf(room);
      return {
        Program(node) {
          if (layer >= 0) return;
          context.report({
            node,
            message: `lib/${self} is in no layer`,
            hint: "Add its room to LAYERS and to ARCHITECTURE.md",
          });
        },
        ...onImports((node, specifier) => {
          const target = resolveImport(self, specifier);
          if (target === undefined) return;
          const message = `"${self}" may not import "${target}"`;
          if (isInternalTo(target, self)) {
            const hint = "A folder `internal` is for the room it lies in";
            context.report({ node, message, hint });
          }
          if (isForeignToProtocols(target, room)) {
            const hint = "A protocol knows neither images nor settings";
            context.report({ node, message, hint });
          }
          const other = roomOf(target);
          const isAbove = layerOf(other) < 0 || layerOf(other) >= layer;
          if (other !== room && isAbove) {
            const hint = "Imports point downward, see ARCHITECTURE.md";
            context.report({ node, message, hint });
          }
        }),
      };
    },
  },
  "no-re-export": {
    create(context) {
      if (pathBelowLib(context.filename) === undefined) return {};
      const report = (node: Deno.lint.Node) =>
        context.report({
          node,
          message: "A name has one place",
          hint: "Import it from where it is made",
        });
      return {
        ExportNamedDeclaration(node) {
          if (node.source !== null) report(node);
        },
        ExportAllDeclaration: report,
      };
    },
  },
};
