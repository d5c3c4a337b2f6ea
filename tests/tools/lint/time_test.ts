import { assertRule } from "./run_rule.ts";

Deno.test("the linter refuses clocks that are not passed in", () =>
  assertRule("injected-time", {
    planted: [
      ["net/planted.ts", "Date.now();"],
      ["net/planted.ts", "performance.now();"],
      ["core/planted.ts", "setTimeout(f, 1);"],
      ["cli/planted.ts", "setInterval(f, 1);"],
      ["http/planted.ts", "AbortSignal.timeout(1);"],
    ],
    allowed: [
      ["core/clock.ts", "setTimeout(f, 1);"],
      ["net/planted.ts", "clock.now();"],
      ["net/planted.ts", "new Date(timeMs);"],
    ],
  }));
