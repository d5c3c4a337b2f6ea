import assert from "node:assert/strict";
import { parseCommandLine } from "../../lib/config/command_line.ts";
import { PLASMD_PROGRAM } from "../../lib/config/plasmd_options.ts";
import { testHelp } from "../support/program_help.ts";

testHelp(PLASMD_PROGRAM);

for (
  const [argv, message] of [
    [
      ["--channel", "../etc"],
      'Cannot use --channel "../etc": not a channel name',
    ],
    [
      ["--bootstrap", "garbage"],
      'Cannot use --bootstrap "garbage": not a multiaddr',
    ],
    [
      ["--interface", "a/b"],
      'Cannot use --interface "a/b": not an interface name',
    ],
    [
      ["--port", "65536"],
      'Cannot use --port "65536": must be a whole number from 0 to 65535',
    ],
    [
      ["--advertise-url", "boot"],
      'Cannot use --advertise-url "boot": not a URL',
    ],
    [
      ["--artifact", "x"],
      'Unknown option "--artifact". Did you mean --artifacts?',
    ],
  ] as const
) {
  Deno.test(`plasmd serve refuses ${argv.join(" ")}`, () => {
    assert.throws(
      () => parseCommandLine(["serve", ...argv], PLASMD_PROGRAM),
      (error) =>
        error instanceof Error && error.name === "UsageError" &&
        error.message.startsWith(message) &&
        error.message.endsWith("See plasmd serve --help"),
    );
  });
}
