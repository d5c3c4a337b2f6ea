import assert from "node:assert/strict";
import { parseConfigFile } from "../../lib/config/config_file.ts";

/** Asserts what a file named plasmd.toml is refused with. */
export function refusedConfig(
  text: string,
  place: string,
  problem: string,
): void {
  assert.throws(() => parseConfigFile(text, "plasmd.toml"), {
    name: "ConfigError",
    message: `Cannot use config "plasmd.toml" ${place}: ${problem}`,
  });
}
