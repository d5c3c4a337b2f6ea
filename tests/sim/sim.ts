// deno-lint-ignore-file no-console -- the lines of JSON are its result
/**
 * Simulates DHTs of many processes, each node at an
 * address of its own in 127.0.0.0/8, and prints, for each scenario,
 * one line of JSON: how many look-ups succeeded, and how long they took.
 *
 *     deno task sim [--lookups=50] [--at-once=1] [--nodes=50] [--per-process=5] [--seconds=60] [SCENARIO...]
 *
 * Providers are `plasmd serve` and each look-up is a `phase_discover` of its
 * own, both as they are shipped. A look-up is timed from before
 * its process is started until it has ended: what a booting machine waits for,
 * manifest fetched and signature checked. One look-up at a time, since all the
 * nodes share the machine with it.
 *
 * Ends with 1 when a scenario misses its target.
 */
import { labObstacle, NetworkLab } from "../support/network_lab.ts";
import { ATTACKS } from "./attacks.ts";
import { CROWDED } from "./crowds.ts";
import { MANY_IMAGES } from "./many_images.ts";
import { MANY_SITES } from "./many_sites.ts";
import { SimulatedNetwork } from "./network.ts";
import { percentile } from "./percentile.ts";
import {
  finds,
  type Scenario,
  SCENARIOS as ORDINARY,
  type SimulationOptions,
} from "./scenarios.ts";
import { TRUTHS } from "./truths.ts";

const SCENARIOS = [
  ...ORDINARY,
  ...CROWDED,
  ...TRUTHS,
  ...ATTACKS,
  ...MANY_IMAGES,
  ...MANY_SITES,
];

async function simulate(
  scenario: Scenario,
  options: SimulationOptions,
): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const { machine: makeMachine } = scenario;
  const obstacle = makeMachine && labObstacle(["curl"]);
  if (obstacle !== undefined) {
    console.log(JSON.stringify({ scenario: scenario.name, skipped: obstacle }));
    return true;
  }
  const lab = makeMachine && stack.use(await NetworkLab.open());
  const machine = lab && await makeMachine(lab);
  const network = stack.use(await SimulatedNetwork.open(machine));
  const { lookups, wanted, checks = {}, notes = {} } = await scenario.run(
    network,
    options,
  );
  const elapsedMs = lookups.map((lookup) => lookup.elapsedMs);
  const p95Ms = percentile(elapsedMs, 0.95);
  const succeeded = lookups.filter((lookup) =>
    wanted.some((provider) => finds(lookup, provider))
  );
  const areLookupsQuick = lookups.length === 0 || p95Ms <= scenario.p95Ms;
  const passed = lookups.length + Object.keys(checks).length > 0 &&
    succeeded.length === lookups.length && areLookupsQuick &&
    Object.values(checks).every((check) => check);
  console.log(JSON.stringify({
    scenario: scenario.name,
    passed,
    lookups: lookups.length,
    ...lookups.length > 0 && {
      succeeded: succeeded.length,
      p50_ms: Math.round(percentile(elapsedMs, 0.5)),
      p95_ms: Math.round(p95Ms),
      max_ms: Math.round(percentile(elapsedMs, 1)),
    },
    // JSON has no Infinity.
    ...Number.isFinite(scenario.p95Ms) && { p95_limit_ms: scenario.p95Ms },
    ...checks,
    ...notes,
  }));
  return passed;
}

function option(name: string, byDefault: number): number {
  const prefix = `--${name}=`;
  const text = Deno.args.find((arg) => arg.startsWith(prefix));
  return text === undefined ? byDefault : Number(text.slice(prefix.length));
}

async function main(): Promise<boolean> {
  const names = Deno.args.filter((arg) => !arg.startsWith("--"));
  const options: SimulationOptions = {
    lookups: option("lookups", 50),
    atOnce: option("at-once", 1),
    nodes: option("nodes", 50),
    nodesPerProcess: option("per-process", 5),
    seconds: option("seconds", 60),
  };
  let passed = true;
  for (const scenario of SCENARIOS) {
    if (names.length > 0 && !names.includes(scenario.name)) continue;
    passed = await simulate(scenario, options) && passed;
  }
  return passed;
}

if (import.meta.main) {
  const unknown = Deno.args.find((arg) =>
    !/^--(lookups|at-once|nodes|per-process|seconds)=[1-9]\d*$/.test(arg) &&
    !SCENARIOS.some((scenario) => scenario.name === arg)
  );
  if (unknown !== undefined) {
    const known = SCENARIOS.map((scenario) => scenario.name).join(", ");
    console.error(`No scenario "${unknown}": there are ${known}`);
    Deno.exit(2);
  }
  Deno.exit(await main() ? 0 : 1);
}
