// deno-lint-ignore-file no-console -- the lines of JSON are its result
/**
 * Simulates DHTs of many processes on 127.0.0.1 and prints, for each scenario,
 * one line of JSON: how many look-ups succeeded, and how long they took.
 *
 *     deno task sim [--lookups=50] [--nodes=50] [--per-process=5] [SCENARIO...]
 *
 * Ends with 1 when a scenario misses its target.
 */
import { percentile } from "./percentile.ts";
import {
  type Scenario,
  SCENARIOS,
  type SimulationOptions,
} from "./scenarios.ts";

async function simulate(
  scenario: Scenario,
  options: SimulationOptions,
): Promise<boolean> {
  const { lookups, succeeded, elapsedMs, notes } = await scenario.run(options);
  const p95Ms = percentile(elapsedMs, 0.95);
  const passed = succeeded === lookups && p95Ms <= scenario.p95Ms;
  console.log(JSON.stringify({
    scenario: scenario.name,
    passed,
    lookups,
    succeeded,
    p50_ms: Math.round(percentile(elapsedMs, 0.5)),
    p95_ms: Math.round(p95Ms),
    max_ms: Math.round(percentile(elapsedMs, 1)),
    ...notes,
  }));
  return passed;
}

function option(name: string, byDefault: number): number {
  const prefix = `--${name}=`;
  const text = Deno.args.find((arg) => arg.startsWith(prefix));
  return text === undefined ? byDefault : Number(text.slice(prefix.length));
}

if (import.meta.main) {
  const names = Deno.args.filter((arg) => !arg.startsWith("--"));
  const unknown = names.find((name) => !SCENARIOS.some((s) => s.name === name));
  if (unknown !== undefined) {
    const known = SCENARIOS.map((scenario) => scenario.name).join(", ");
    console.error(`No scenario "${unknown}": there are ${known}`);
    Deno.exit(2);
  }
  const options: SimulationOptions = {
    lookups: option("lookups", 50),
    nodes: option("nodes", 50),
    nodesPerProcess: option("per-process", 5),
  };
  let passed = true;
  for (const scenario of SCENARIOS) {
    if (names.length > 0 && !names.includes(scenario.name)) continue;
    passed = await simulate(scenario, options) && passed;
  }
  Deno.exit(passed ? 0 : 1);
}
