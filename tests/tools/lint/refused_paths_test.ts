import assert from "node:assert/strict";
import { runRule } from "./run_rule.ts";

/** What is said of a module at a path below lib/. */
function refusals(source: string, path = "provider/planted.ts"): string[] {
  return runRule("no-refused-paths", `lib/${path}`, source);
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
    assert.equal(refusals(source).length, 1, source);
  }
  assert.deepEqual(refusals('f("/proc/net/route");'), [
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
    assert.deepEqual(refusals(source), [], source);
  }
});

Deno.test("the linter leaves doctor alone, and nothing that only sounds like it", () => {
  const source = 'f("/proc/net/route");';
  for (
    const path of ["cli/doctor.ts", "cli/doctor_routes.ts", "doctor/routes.ts"]
  ) {
    assert.deepEqual(refusals(source, path), [], path);
  }
  for (
    const path of ["cli/doctored.ts", "net/my_doctor.ts", "net/dht/node.ts"]
  ) {
    assert.equal(refusals(source, path).length, 1, path);
  }
});
