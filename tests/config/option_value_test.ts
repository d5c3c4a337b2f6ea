import assert from "node:assert/strict";
import { checkValue } from "../../lib/config/option_value.ts";
import { parseArch } from "../../lib/core/channel_arch.ts";

const SEE = "See tool serve --help";
const VALUE = { help: "h", placeholder: "X" } as const;
const PORT = { ...VALUE, type: "integer", min: 0, max: 65_535 } as const;
const TIMEOUT = { ...VALUE, type: "seconds", max: 3600 } as const;
const LEVEL = { ...VALUE, type: "choice", choices: ["debug", "info"] } as const;
const ARCH = { ...VALUE, type: "text", parse: parseArch } as const;

function refused(
  option: Parameters<typeof checkValue>[0],
  label: string,
  value: string,
  problem: string,
): void {
  assert.throws(() => checkValue(option, label, value, SEE), {
    name: "UsageError",
    message: `Cannot use ${label} "${value}": ${problem}. ${SEE}`,
  });
}

Deno.test("checkValue() gives numbers, choices, and what the option's own parser makes", () => {
  const value = (option: Parameters<typeof checkValue>[0], text: string) =>
    checkValue(option, "--x", text, SEE);
  assert.equal(value(PORT, "0"), 0);
  assert.equal(value(PORT, "65535"), 65_535);
  assert.equal(value(TIMEOUT, "3600"), 3600);
  assert.equal(value(TIMEOUT, ".5"), 0.5);
  assert.equal(value(LEVEL, "debug"), "debug");
  assert.equal(value(ARCH, "aarch64"), "arm64");
  assert.equal(value({ ...VALUE, type: "text" }, " any "), " any ");
});

Deno.test("checkValue() names the range of a value", () => {
  for (
    const value of [
      "-1",
      "65536",
      "1.5",
      "0x10",
      "1e3",
      "x",
      "99999999999999999999",
    ]
  ) {
    refused(
      PORT,
      "--p2p-port",
      value,
      "must be a whole number from 0 to 65535",
    );
  }
  for (
    const value of [
      "0",
      "0.0",
      "-5",
      "-.5",
      "3601",
      "1e1",
      "NaN",
      "Infinity",
      ".",
    ]
  ) {
    refused(
      TIMEOUT,
      "--timeout",
      value,
      "must be seconds, more than 0 and at most 3600",
    );
  }
  refused(LEVEL, "--log-level", "loud", "must be one of debug, info");
  refused(
    ARCH,
    "--arch",
    "ARM",
    "not an architecture name: 1 to 32 of a-z 0-9 . _ -, beginning with a letter or digit",
  );
});
