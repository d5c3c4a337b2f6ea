import { assertRule } from "./run_rule.ts";

Deno.test("the linter refuses a package outside of its owner", () =>
  assertRule("one-owner", {
    planted: [
      ["net/mdns/planted.ts", 'import "libp2p";'],
      ["net/mdns/planted.ts", 'import type { A } from "@libp2p/interface";'],
      ["advertise/planted.ts", 'await import("@multiformats/multiaddr");'],
      ["net/http1/planted.ts", 'import "hono";'],
      ["http/status/planted.ts", 'import "hono/router/trie-router";'],
      ["http/routes.ts", 'import "hono/html";'],
      ["provider/planted.ts", 'import "smol-toml";'],
      ["config/planted.ts", 'import "smol-toml";'],
      ["net/mdns/socket.ts", 'import "node:dgram";'],
      ["net/mdns/planted.ts", 'import "multicast-dns";'],
      ["net/dns/planted.ts", 'import "dns-packet";'],
      ["core/planted.ts", 'import "left-pad";'],
      ["cli/planted.ts", 'import "node:fs";'],
      ["cli/planted.ts", 'import "node:fs/promises";'],
    ],
    allowed: [
      ["net/dht/planted.ts", 'import "libp2p";'],
      ["net/dht/internal/planted.ts", 'import "@libp2p/tcp";'],
      ["http/routes.ts", 'import "hono/router/trie-router";'],
      ["http/status/status_page.ts", 'import "hono/html";'],
      ["config/read_toml.ts", 'import "smol-toml";'],
      ["net/mdns/system_network.ts", 'import "node:dgram";'],
      ["cli/disk.ts", 'import { statfs } from "node:fs/promises";'],
      ["doctor/mdns_stranger.ts", 'await import("multicast-dns");'],
      ["scan/planted.ts", 'import "node:path";'],
      ["core/planted.ts", 'import "./a.ts";'],
    ],
  }));
