import assert from "node:assert/strict";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import {
  checkFetchOptions,
  DISCOVER_PROGRAM,
} from "../../lib/config/discover_options.ts";
import { testHelp } from "../support/program_help.ts";

testHelp(DISCOVER_PROGRAM);

Deno.test("phase_discover asks for stable by default", () => {
  assert.deepEqual(parseCommandLine([], DISCOVER_PROGRAM), {
    kind: "run",
    command: "",
    values: {
      channel: "stable",
      arch: undefined,
      timeout: undefined,
      mode: "auto",
      all: false,
      interface: [],
      bootstrap: [],
      dhtProtocol: undefined,
      dhtNetwork: undefined,
      ca: undefined,
      key: [],
      threshold: 1,
      trust: undefined,
      state: undefined,
      fetch: undefined,
      artifact: [],
      insecure: false,
      format: "text",
      quiet: false,
      explain: false,
      logLevel: "info",
      logFormat: "text",
    },
  });
});

Deno.test("checkFetchOptions() asks whom to trust, and where to put what is named", () => {
  const check = (...argv: string[]) => {
    const invocation = parseCommandLine(argv, DISCOVER_PROGRAM);
    assert.ok(invocation.kind === "run");
    checkFetchOptions(invocation.values);
  };
  check();
  check("--fetch", "d", "--key", "k");
  check("--fetch", "d", "--trust", "t.toml", "--artifact", "kernel");
  check("--fetch", "d", "--insecure");
  const fetching = ["--fetch", "d"];
  const refused: readonly (readonly [string[], RegExp])[] = [
    [fetching, /^Cannot fetch without a key .*--key or --trust.*--insecure$/],
    [["--artifact", "kernel"], /--artifact without --fetch: .*--fetch DIR$/],
    [["--insecure"], /--insecure without --fetch: .*--fetch DIR$/],
    [
      [...fetching, "--insecure", "--key", "k"],
      /--insecure together with --key/,
    ],
    [[...fetching, "--insecure", "--trust", "t"], /together with --trust/],
    [[...fetching, "--all", "--key", "k"], /--all together with --fetch/],
  ];
  for (const [argv, message] of refused) {
    assert.throws(() => check(...argv), { name: "UsageError", message });
  }
});
