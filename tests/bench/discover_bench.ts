/**
 * `deno task bench`: how long whole phase_discover processes take to find an
 * image on loopback, as the bundled file, next to an empty Deno program. Both
 * alternate, so that a busy machine slows both.
 */
import { join } from "node:path";
import { makeSpecificationTree } from "../support/image_tree.ts";
import { run, start, temporaryDirectory } from "../support/programs.ts";

const RUNS = Number(Deno.args[0] ?? 50);
const [A, B] = ["bench-a", "bench-b"] as const;

async function timed(command: Deno.Command): Promise<number> {
  const startMs = performance.now();
  const { success, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return performance.now() - startMs;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return Math.round(sorted[index] ?? NaN);
}

await using directory = await temporaryDirectory();
const root = directory.path;
const bundle = join(root, "phase_discover.js");
await timed(
  new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "tools/bundle.ts", root],
  }),
);
await makeSpecificationTree(join(root, "artifacts"), [A, B]);
await using provider = start("plasmd", [
  ...["serve", "--artifacts", join(root, "artifacts"), "--interface", "lo"],
  ...["--channel", A, "--arch", "arm64", "--no-dht", "--port", "0"],
  ...["--state-dir", join(root, "state")],
]);
await provider.line(/Advertising/);

const floor: number[] = [];
const found: number[] = [];
let failed = 0;
for (let i = -2; i < RUNS; i++) {
  const emptyMs = await timed(
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "0"],
      env: { DENO_NO_UPDATE_CHECK: "1" },
    }),
  );
  const { code, elapsedMs } = await run(
    "phase_discover",
    ["--channel", A, "--arch", "arm64", "--interface", "lo", "--quiet"],
    { runner: [Deno.execPath(), "run", "-A", "--no-prompt", bundle] },
  );
  if (i < 0) continue; // The first two fill the caches.
  floor.push(emptyMs);
  if (code === 0) found.push(elapsedMs);
  else failed++;
}
const table = {
  runs: RUNS,
  found: found.length,
  failed,
  floor_ms: { p50: percentile(floor, 0.5), p95: percentile(floor, 0.95) },
  discover_ms: { p50: percentile(found, 0.5), p95: percentile(found, 0.95) },
  above_floor_ms: {
    p50: percentile(found, 0.5) - percentile(floor, 0.5),
    p95: percentile(found, 0.95) - percentile(floor, 0.5),
  },
};
Deno.stdout.writeSync(
  new TextEncoder().encode(`${JSON.stringify(table, null, 2)}\n`),
);
