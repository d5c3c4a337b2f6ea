import { assertRule, type Module } from "./run_rule.ts";

/** Modules with the same text. */
function withText(source: string, ...paths: readonly string[]): Module[] {
  return paths.map((path) => [path, source]);
}

Deno.test("the linter refuses the machine outside of the shells", () =>
  assertRule("shells", {
    planted: [
      ...withText(
        "Deno.stat(path);",
        "provider/planted.ts",
        "cli/planted.ts",
        "net/planted.ts",
        "net/dns/planted.ts",
        "net/dht/message.ts",
        "net/dht/internal/libp2p.ts",
        "net/mdns/responder.ts",
        "net/mdns/socket.ts",
        "net/http1/request_head.ts",
        "net/http1/reply.ts",
        "net/http1/connection.ts",
      ),
      ["scan/planted.ts", "const { stat } = Deno;"],
      ["scan/planted.ts", "globalThis.Deno;"],
      ["net/planted.ts", "function f(connection: Deno.TcpConn) {}"],
      ["net/planted.ts", 'import { createServer } from "node:net";'],
      ["scan/planted.ts", 'import "node:fs/promises";'],
      ["net/mdns/socket.ts", 'const dgram = await import("node:dgram");'],
      ["core/planted.ts", 'import process from "node:process";'],
    ],
    allowed: [
      ...withText(
        "Deno.stat(path);",
        "cli/disk.ts",
        "net/interfaces.ts",
        "net/dht/dnsaddr.ts",
        "net/http1/server.ts",
        "net/mdns/system_network.ts",
      ),
      ["net/upnp/search.ts", 'import { createSocket } from "node:dgram";'],
      ["scan/planted.ts", 'import { join } from "node:path";'],
      ["scan/planted.ts", "// Deno.stat() gives no more\nf();"],
    ],
  }));

Deno.test("the linter refuses waiting, clocks and chance in what only decides", () =>
  assertRule("pure", {
    planted: [
      ["net/dns/planted.ts", "async function f() {}"],
      ["net/mdns/responder.ts", "const f = async () => {};"],
      ["net/mdns/querier.ts", "class A { async f() {} }"],
      ["net/dht/message.ts", "function f(): Promise<void> {}"],
      ["net/http1/request_head.ts", "Promise.resolve(1);"],
      ["net/http1/chunked_body.ts", 'import "../../core/clock.ts";'],
      ["discover/discovery.ts", 'import type { A } from "../core/clock.ts";'],
      ["advertise/dht_publications.ts", "const x = Math.random();"],
      ["net/mdns/answer_queue.ts", "const now = Date.now();"],
      ["wire/image_txt.ts", "crypto.randomUUID();"],
    ],
    allowed: [
      ["net/dns/planted.ts", "function f() {}"],
      ["net/mdns/responder.ts", 'import "../../core/result.ts";'],
      ["net/http1/http_date.ts", "new Date(timeMs).toUTCString();"],
      ["net/dht/message.ts", 'import { createHash } from "node:crypto";'],
      ["net/http1/reply.ts", "async function f() {}"],
      ["discover/discover.ts", 'import "../core/clock.ts";'],
    ],
  }));
