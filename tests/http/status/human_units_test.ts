import assert from "node:assert/strict";
import {
  formatBytes,
  formatDuration,
} from "../../../lib/http/status/human_units.ts";

for (
  const [bytes, text] of [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [10 * 1024 * 1024, "10.0 MiB"],
    [150 * 1024 * 1024, "150 MiB"],
    [3 * 1024 ** 4, "3.0 TiB"],
    [9000 * 1024 ** 4, "9000 TiB"],
  ] as const
) {
  Deno.test(`formatBytes(${bytes}) is ${text}`, () => {
    assert.equal(formatBytes(bytes), text);
  });
}

for (
  const [durationMs, text] of [
    [-5, "0 s"],
    [119_999, "119 s"],
    [120_000, "2 min"],
    [7_200_000, "2 h"],
    [172_800_000, "2 days"],
  ] as const
) {
  Deno.test(`formatDuration(${durationMs}) is ${text}`, () => {
    assert.equal(formatDuration(durationMs), text);
  });
}
