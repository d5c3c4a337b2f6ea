/** What a failure looks like to the programs that started ours. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFifo } from "../support/fifo.ts";
import {
  type Ended,
  run,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** Of RFC 8032, section 7.1, test 1. */
const KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/** What each ends with and why, where JSON was asked for. */
const FAILURES: readonly (readonly [
  program: "plasmd" | "phase_discover",
  args: (root: string) => string[],
  code: number,
  reason: string,
])[] = [
  ["plasmd", () => ["scan", "--json", "--bogus"], 2, "usage"],
  [
    "plasmd",
    (root) => ["scan", "--json", "--artifacts", join(root, "none")],
    2,
    "usage",
  ],
  [
    "plasmd",
    () => ["status", "--url", "http://127.0.0.1:1", "--json"],
    3,
    "unreachable",
  ],
  [
    "plasmd",
    () => ["manifest", "show", "--json", "http://127.0.0.1:1/manifest.json"],
    3,
    "unreachable",
  ],
  [
    "plasmd",
    (root) => ["manifest", "show", "--json", join(root, "none.json")],
    2,
    "usage",
  ],
  ["phase_discover", () => ["--format", "json", "--bogus"], 2, "usage"],
  [
    "phase_discover",
    (root) => ["--format=json", "--trust", join(root, "none.toml")],
    2,
    "usage",
  ],
  [
    "phase_discover",
    (root) => [
      ...["--format", "json", "--key", KEY],
      ...["--state", join(root, "damaged.json")],
    ],
    2,
    "usage",
  ],
  ["phase_discover", () => ["--format", "json", "--mode", "wan"], 3, "nobody"],
];

/** The one JSON object on standard output. */
function objectOf({ stdout }: Ended): { error: unknown; reason: unknown } {
  assert.equal(stdout.trimEnd().split("\n").length, 1, stdout);
  return JSON.parse(stdout);
}

/** Asserts that every line is a JSON object, and that there is one. */
function assertJsonLog({ stderr }: Ended): void {
  const lines = stderr.trimEnd().split("\n");
  for (const line of lines) {
    assert.equal(typeof JSON.parse(line).message, "string", line);
  }
}

for (const [program, args, code, reason] of FAILURES) {
  Deno.test(`${program} ${args("DIR").join(" ")} fails with an object, and a log of objects`, async () => {
    await using directory = await temporaryDirectory();
    await Deno.writeTextFile(join(directory.path, "damaged.json"), "{");
    const ended = await run(program, [
      ...args(directory.path),
      ...["--log-format", "json"],
    ]);
    assert.equal(ended.code, code, ended.stderr);
    const failure = objectOf(ended);
    assert.equal(failure.reason, reason);
    assert.equal(typeof failure.error, "string");
    assertJsonLog(ended);
  });
}

Deno.test("phase_discover that is interrupted says so in an object", async () => {
  await using search = start("phase_discover", [
    ...["--format", "json", "--interface", "lo", "--log-format", "json"],
    ...["--channel", `nobody-${Deno.pid}`, "--arch", "arm64", "--mode", "lan"],
  ]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const ended = await search.end("SIGINT");
  assert.equal(ended.code, 130, ended.stderr);
  assert.deepEqual(objectOf(ended), {
    error: "ended by SIGINT",
    reason: "interrupted",
  });
});

const HAS_NO_FIFOS = Deno.build.os === "windows";

for (const option of ["--trust", "--key", "--state"]) {
  Deno.test({
    name: `phase_discover ${option} FIFO does not outlive --timeout`,
    ignore: HAS_NO_FIFOS,
    async fn() {
      await using directory = await temporaryDirectory();
      const path = join(directory.path, "fifo");
      await makeFifo(path);
      const ended = await run("phase_discover", [
        ...[option, path, "--timeout", "2", "--interface", "lo"],
        ...option === "--state" ? ["--key", KEY] : [],
        ...["--mode", "lan", "--format", "json"],
      ]);
      assert.equal(ended.code, 2, ended.stderr);
      assert.equal(objectOf(ended).reason, "usage");
      assert.match(ended.stderr, /--trust|"\S+fifo"/);
      // The first start of a busy machine takes a second or two.
      assert.ok(ended.elapsedMs < 8000, `took ${ended.elapsedMs} ms`);
    },
  });
}

Deno.test("plasmd status reaches ports that fetch() forbids, and says who is no plasmd", async () => {
  // X11, NFS' lockd and Amanda: servers of ours may have these ports.
  for (const port of [6000, 4045, 10080]) {
    const ended = await run("plasmd", [
      ...["status", "--url", `http://127.0.0.1:${port}`],
    ]);
    assert.equal(ended.code, 3, ended.stderr);
    assert.match(ended.stderr, /refused/i, ended.stderr);
  }
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("<html>"),
  );
  const ended = await run("plasmd", [
    ...["status", "--json", "--url", `http://127.0.0.1:${other.addr.port}`],
  ]);
  assert.equal(ended.code, 3, ended.stderr);
  assert.match(ended.stderr, /not a plasmd of this version/);
  assert.equal(objectOf(ended).reason, "unreachable");
});
