import assert from "node:assert/strict";
import {
  type Invocation,
  parseCommandLine,
} from "../../lib/config/command_line.ts";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";

const plasmd = (...argv: string[]) => parseCommandLine(argv, PLASMD_PROGRAM);
const discover = (...argv: string[]) =>
  parseCommandLine(argv, DISCOVER_PROGRAM);

Deno.test("parseCommandLine() takes help COMMAND for COMMAND --help", () => {
  for (const words of ["", "serve", "manifest", "manifest show"]) {
    const argv = words === "" ? [] : words.split(" ");
    assert.deepEqual(plasmd("help", ...argv), {
      kind: "help",
      command: words,
    });
    assert.deepEqual(plasmd("help", ...argv), plasmd(...argv, "--help"));
  }
  assert.deepEqual(discover("help"), { kind: "help", command: "" });
});

Deno.test("parseCommandLine() refuses help for what is no command", () => {
  assert.throws(
    () => plasmd("help", "sreve"),
    /^UsageError: Unknown command "sreve". Did you mean serve\?/,
  );
  assert.throws(
    () => plasmd("help", "serve", "now"),
    /Unexpected argument "now". See plasmd serve --help/,
  );
  assert.throws(
    () => discover("help", "me"),
    /Unexpected argument "me". See phase_discover --help/,
  );
});

Deno.test("parseCommandLine() takes -V for --version", () => {
  const version: Invocation<typeof DISCOVER_PROGRAM> = { kind: "version" };
  assert.deepEqual(discover("-V"), version);
  assert.deepEqual(plasmd("-V"), version);
  assert.deepEqual(plasmd("serve", "-V"), version);
  assert.throws(() => plasmd("serve", "--", "-V"), /Unexpected argument "-V"/);
});

Deno.test("parseCommandLine() refuses options that contradict each other, in either order", () => {
  const discoverPairs = [
    ["--quiet", "--format json"],
    ["--key a", "--trust b"],
    ["--threshold 2", "--trust b"],
  ];
  const showPairs = ["--signing-key k", "--state-dir d", "--config c"]
    .map((option) => ["--url http://192.0.2.1", option]);
  const words = (options: readonly string[]) =>
    options.flatMap((option) => option.split(" "));
  for (
    const [parse, pairs] of [
      [discover, discoverPairs],
      [(...argv: string[]) => plasmd("key", "show", ...argv), showPairs],
    ] as const
  ) {
    for (const pair of pairs) {
      for (const order of [pair, pair.toReversed()]) {
        assert.throws(
          () => parse(...words(order)),
          /^UsageError: Cannot use --\S+.* together with --\S+.*: .+\. See /,
          order.join(),
        );
      }
      for (const option of pair) {
        assert.equal(parse(...words([option])).kind, "run", option);
      }
    }
  }
});

Deno.test("parseCommandLine() lets what contradicted be overwritten", () => {
  for (
    const argv of [
      ["--quiet", "--format", "text"],
      ["--quiet", "--format", "json", "--format", "text"],
      // Named once for all modes, by a script: that one mode has no use for it.
      ["--mode", "lan", "--bootstrap", "/ip4/192.0.2.1/tcp/1"],
    ]
  ) assert.equal(discover(...argv).kind, "run");
});
