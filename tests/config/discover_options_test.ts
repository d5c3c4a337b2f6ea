import assert from "node:assert/strict";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import { DISCOVER_PROGRAM } from "../../lib/config/discover_options.ts";
import { testHelp } from "../support/program_help.ts";

testHelp(DISCOVER_PROGRAM);

Deno.test("phase_discover asks for stable within 30 s by default", () => {
  assert.deepEqual(parseCommandLine([], DISCOVER_PROGRAM), {
    kind: "run",
    command: "",
    values: {
      channel: "stable",
      arch: undefined,
      timeout: 30,
      mode: "auto",
      all: false,
      interface: [],
      bootstrap: [],
      dhtProtocol: undefined,
      ca: undefined,
      key: [],
      threshold: 1,
      trust: undefined,
      state: undefined,
      format: "text",
      quiet: false,
      explain: false,
      logLevel: "info",
      logFormat: "text",
    },
  });
});
