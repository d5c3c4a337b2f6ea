import assert from "node:assert/strict";
import plugin from "./lint_layers.ts";

/** What a rule says of a module at a path below lib/. */
function lint(
  rule: string,
  source: string,
  path = "provider/planted.ts",
): string[] {
  return Deno.lint.runPlugin(plugin, `/project/lib/${path}`, source)
    .filter(({ id }) => id === `layers/${rule}`)
    .map(({ message }) => message);
}

Deno.test("the linter refuses every spelling of a path that Deno does not open", () => {
  for (
    const source of [
      'await fileSystem.readText("/proc/net/route");',
      "await fileSystem.readText('/sys/class/net');",
      "await fileSystem.readText(`/dev/urandom`);",
      "await fileSystem.readText(`/proc/${pid}/fd`);",
      "await fileSystem.readText(`${root}/proc/self/mountinfo`);",
      'await fileSystem.list("/proc");',
      'const path = join("/", "proc/net", "route");',
      'const url = new URL("file:///proc/self/cgroup");',
      'const command = "cat /proc/net/route";',
      'const argument = "--file=/dev/stdin";',
      'import text from "/proc/version" with { type: "text" };',
      'const help = <T,>(x: T) => x; help("//proc//net//route");',
    ]
  ) {
    assert.equal(lint("no-refused-paths", source).length, 1, source);
  }
  assert.deepEqual(lint("no-refused-paths", 'f("/proc/net/route");'), [
    '"provider/planted.ts" names "/proc/net/route"',
  ]);
});

Deno.test("the linter lets other paths, comments and shells' own words pass", () => {
  for (
    const source of [
      'serve("/processes", "/system", "/devices", "/development");',
      'serve("/stable/arm64/dev", "channel/dev/arm64", "http://a/sys/");',
      'const completion = "compopt 2>/dev/null";',
      "// as /proc/net/route has it\nserve(1);",
      "const pattern = /^a/;",
    ]
  ) {
    assert.deepEqual(lint("no-refused-paths", source), [], source);
  }
});

Deno.test("the linter leaves doctor alone, and nothing that only sounds like it", () => {
  const source = 'f("/proc/net/route");';
  for (
    const path of ["cli/doctor.ts", "cli/doctor_routes.ts", "doctor/routes.ts"]
  ) {
    assert.deepEqual(lint("no-refused-paths", source, path), [], path);
  }
  for (
    const path of ["cli/doctored.ts", "net/my_doctor.ts", "net/dht/node.ts"]
  ) {
    assert.equal(lint("no-refused-paths", source, path).length, 1, path);
  }
});

Deno.test("the linter holds modules to their layer, owners, shells and the clock", () => {
  const cases = [
    ["downward-imports", 'import "../provider.ts";', "net/planted.ts"],
    ["downward-imports", 'export * from "../cli/a.ts";', "http/planted.ts"],
    ["downward-imports", 'await import("hono");', "net/planted.ts"],
    ["downward-imports", 'import "libp2p";', "net/mdns/planted.ts"],
    ["downward-imports", "Deno.stat(path);", "provider/planted.ts"],
    ["downward-imports", "f();", "nowhere/planted.ts"],
    ["injected-time", "Date.now();", "net/planted.ts"],
    ["injected-time", "setTimeout(f, 1);", "core/planted.ts"],
  ] as const;
  for (const [rule, source, path] of cases) {
    assert.equal(lint(rule, source, path).length, 1, source);
  }
  const allowed = [
    ["downward-imports", 'import "../core/log.ts";', "net/planted.ts"],
    ["downward-imports", 'import "libp2p";', "net/dht/planted.ts"],
    ["downward-imports", "Deno.stat(path);", "cli/planted.ts"],
    ["injected-time", "setTimeout(f, 1);", "core/clock.ts"],
  ] as const;
  for (const [rule, source, path] of allowed) {
    assert.deepEqual(lint(rule, source, path), [], source);
  }
});
