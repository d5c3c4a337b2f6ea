import { assertRule } from "./run_rule.ts";

Deno.test("the linter refuses imports that point upward or across", () =>
  assertRule("downward-imports", {
    planted: [
      ["net/planted.ts", 'import "../provider/serve.ts";'],
      ["http/planted.ts", 'export * from "../cli/a.ts";'],
      ["core/planted.ts", 'export { a } from "../config/a.ts";'],
      ["core/planted.ts", 'await import("../net/a.ts");'],
      ["net/planted.ts", 'import type { A } from "./dns/a.ts";'],
      ["net/dns/planted.ts", 'import "../mdns/a.ts";'],
      ["net/mdns/planted.ts", 'import "../dht/a.ts";'],
      ["net/dht/planted.ts", 'import "../upnp/a.ts";'],
      ["net/upnp/planted.ts", 'import "../http1/a.ts";'],
      ["net/http1/planted.ts", 'import "../../wire/a.ts";'],
      ["net/http1/planted.ts", 'import "../../manifest/a.ts";'],
      ["net/dht/planted.ts", 'import "../../scan/a.ts";'],
      ["net/planted.ts", 'import "../config/settings.ts";'],
      ["net/mdns/planted.ts", 'import "../../core/channel_arch.ts";'],
      ["wire/planted.ts", 'import "../advertise/a.ts";'],
      ["discover/planted.ts", 'import "../advertise/a.ts";'],
      ["http/artifacts/planted.ts", 'import "../boot/a.ts";'],
      ["http/status/planted.ts", 'import "../boot/a.ts";'],
      ["http/status/planted.ts", 'import "../routes.ts";'],
      ["net/planted.ts", 'import "../nowhere/a.ts";'],
    ],
    allowed: [
      ["net/planted.ts", 'import "../core/log.ts";'],
      ["net/mdns/planted.ts", 'import "../dns/a.ts";'],
      ["net/mdns/planted.ts", 'import "./a.ts";'],
      ["net/dht/internal/planted.ts", 'import "../a.ts";'],
      ["http/planted.ts", 'import "./status/a.ts";'],
      ["cli/planted.ts", 'import("../provider/serve.ts");'],
      ["net/planted.ts", "import(name);"],
    ],
  }));

Deno.test("the linter keeps a folder `internal` to the room it lies in", () =>
  assertRule("downward-imports", {
    planted: [
      ["advertise/planted.ts", 'import "../net/dht/internal/a.ts";'],
      ["cli/planted.ts", 'await import("../net/dht/internal/a.ts");'],
    ],
    allowed: [
      ["net/dht/planted.ts", 'import "./internal/a.ts";'],
      ["net/dht/internal/planted.ts", 'import "./a.ts";'],
    ],
  }));

Deno.test("the linter refuses a room that is in no layer", () =>
  assertRule("downward-imports", {
    planted: [["nowhere/planted.ts", "f();"]],
    allowed: [["core/planted.ts", "f();"]],
  }));

Deno.test("the linter refuses names that are exported from elsewhere", () =>
  assertRule("no-re-export", {
    planted: [
      ["core/planted.ts", 'export { a } from "./a.ts";'],
      ["core/planted.ts", 'export type { A } from "./a.ts";'],
      ["core/planted.ts", 'export * from "./a.ts";'],
    ],
    allowed: [
      ["core/planted.ts", "export const a = 1;"],
      ["core/planted.ts", "const a = 1; export { a };"],
    ],
  }));
