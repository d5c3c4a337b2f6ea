import { onImports, pathBelowLib, type Rules } from "./modules.ts";

/**
 * The modules that may import each package, as a path below lib/. Of several
 * that fit a package, the first counts.
 */
const OWNERS: readonly (readonly [name: RegExp, owner: RegExp])[] = [
  [/^smol-toml$/, /^config\/(read_toml|trust_file)\.ts$/],
  [/^hono\/html$/, /^http\/status\//],
  [/^hono(\/|$)/, /^http\/[a-z_]+\.ts$/],
  [/^node:dns\/promises$/, /^net\/host_addresses\.ts$/],
  [/^multicast-dns$/, /^doctor\/mdns_stranger\.ts$/],
  [
    /^node:dgram$/,
    /^net\/((dhcp|mdns)\/system_network|preferred_address|udp_socket|tftp\/tftp_server|upnp\/search)\.ts$/,
  ],
  [
    /^(libp2p|@libp2p\/.*|@chainsafe\/.*|@multiformats\/.*|multiformats|datastore-core|interface-datastore|uint8arrays)(\/|$)/,
    /^net\/dht\//,
  ],
  [/^node:fs\/promises$/, /^cli\/(disk|fetch_disk)\.ts$/],
  [/^node:inspector$/, /^cli\/close_debugger\.ts$/],
  [/^node:(path|crypto|process)$/, /./],
];

/** A package has one owner in lib; one that nobody owns is for tests. */
export const owners: Rules = {
  "one-owner": {
    create(context) {
      const self = pathBelowLib(context.filename);
      if (self === undefined) return {};
      return onImports((node, specifier) => {
        if (specifier.startsWith(".")) return;
        const owner = OWNERS.find(([name]) => name.test(specifier))?.[1];
        if (owner?.test(self)) return;
        context.report({
          node,
          message: `"${self}" does not own "${specifier}"`,
          hint: owner === undefined
            ? "Nothing in lib does"
            : `Its owner is lib/${owner.source}`,
        });
      });
    },
  },
};
