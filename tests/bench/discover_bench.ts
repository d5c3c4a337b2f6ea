/**
 * `deno task bench [RUNS]`: how long whole phase_discover processes take to
 * find an image, manifest fetched and signature checked, run as the bundled
 * file, with our provider and with avahi as the one that answers. An empty Deno
 * program is the floor; all alternate, so that a busy machine slows all of
 * them. Then a rack boots: 40 clients start within 200 ms. Then a client waits
 * for a provider that is started after it. Last, `--mode auto` is held against
 * `--mode lan` on a slow processor.
 *
 * Prints JSON, and exits with 1 when a limit is missed. Runs in network
 * namespaces, which takes root, avahi and dbus; without them our provider alone
 * is measured, on loopback.
 */
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { labObstacle, NetworkLab } from "../support/network_lab.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { programCommand } from "../support/shipped_programs.ts";
import { compareModes, throttleObstacle } from "../support/throttled.ts";

const RUNS = Number(Deno.args[0] ?? 50);
const LIMIT_MS = { p50: 35, p95: 80 };
const STORM = { clients: 40, withinMs: 200 };
/** From the start of a provider's process to the end of a client that waits. */
const WAITING = { runs: 5, p50LimitMs: 1300 };
/** Of the medians, auto to lan. */
const SLOW = { rounds: 15, ratioLimit: 1.3 };
const IMAGE = "bench/arm64";
const PORT = "8080";

/** Runs a program to its end, and fails when it does. */
type Exec = (program: string, ...args: string[]) => Promise<unknown>;

async function output(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(new TextDecoder().decode(stderr));
}

function plasmd(...args: string[]): [string, ...string[]] {
  return [...programCommand("plasmd"), ...args];
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return Math.round(sorted[index] ?? NaN);
}

/** Finds the image, or fails. */
type Client = () => Promise<unknown>;

interface Figures {
  readonly answered_by: string;
  readonly found: number;
  readonly above_floor_ms: { readonly p50: number; readonly p95: number };
  readonly storm: { readonly found: number; readonly slowest_ms: number };
}

/** Times the floor and every client in turn, after two rounds that warm up. */
async function measure(
  floor: Client,
  clients: Readonly<Record<string, Client>>,
): Promise<{ readonly floorMs: number[]; readonly figures: Figures[] }> {
  const floorMs: number[] = [];
  const foundMs = new Map<string, number[]>();
  for (let i = -2; i < RUNS; i++) {
    const emptyMs = await timed(floor);
    if (i >= 0) floorMs.push(emptyMs);
    for (const [name, client] of Object.entries(clients)) {
      const found = foundMs.get(name) ?? [];
      foundMs.set(name, found);
      try {
        const ms = await timed(client);
        if (i >= 0) found.push(ms);
      } catch {
        // Shows as one found less.
      }
    }
  }
  const emptyMs = percentile(floorMs, 0.5);
  const figures: Figures[] = [];
  for (const [name, client] of Object.entries(clients)) {
    const ms = foundMs.get(name) ?? [];
    figures.push({
      answered_by: name,
      found: ms.length,
      above_floor_ms: {
        p50: percentile(ms, 0.5) - emptyMs,
        p95: percentile(ms, 0.95) - emptyMs,
      },
      storm: await storm(client),
    });
  }
  return { floorMs, figures };
}

/** Starts the clients of a whole rack, spread over a moment. */
async function storm(client: Client): Promise<Figures["storm"]> {
  const { clients, withinMs } = STORM;
  const times = await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      await new Promise((resolve) =>
        setTimeout(resolve, i * withinMs / clients)
      );
      return await timed(client).catch(() => undefined);
    }),
  );
  const found = times.filter((ms) => ms !== undefined);
  return { found: found.length, slowest_ms: Math.round(Math.max(...found)) };
}

/** The limits that figures miss, in words. */
function missedLimits(
  { answered_by, found, above_floor_ms, storm }: Figures,
): string[] {
  const { p50, p95 } = above_floor_ms;
  const misses = [
    [found < RUNS, `found ${found} of ${RUNS}`],
    // Not a number when nothing was found.
    [!(p50 <= LIMIT_MS.p50), `p50 ${p50} ms, not ${LIMIT_MS.p50}`],
    [!(p95 <= LIMIT_MS.p95), `p95 ${p95} ms, not ${LIMIT_MS.p95}`],
    [
      storm.found < STORM.clients,
      `found by ${storm.found} of ${STORM.clients} that start together`,
    ],
  ] as const;
  return misses.flatMap(([isMissed, what]) =>
    isMissed ? [`${answered_by}: ${what}`] : []
  );
}

/** Compares the modes, on loopback, with a provider that is a DHT node too. */
async function onSlowProcessor() {
  const obstacle = throttleObstacle();
  if (obstacle !== undefined) return { skipped: obstacle };
  const [program, ...args] = serve(
    ...["--interface", "lo", "--port", "0", "--p2p-port", "0"],
    ...["--state-dir", join(root, "slow")],
  );
  const child = new Deno.Command(program, {
    args,
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const client = discover("--interface", "lo");
    await untilFound(() => output(...client));
    const { rounds } = SLOW;
    const compared = await compareModes(client, { rounds, limit: 0 });
    return {
      lan_ms: compared.lanMs,
      auto_ms: compared.autoMs,
      ratio: Math.round(100 * compared.ratio) / 100,
    };
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

/** Waits until a client finds the image. */
async function untilFound(client: Client): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      await client();
      return;
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}

await using directory = await temporaryDirectory();
const root = directory.path;
await makeFiles(root, { [`artifacts/${IMAGE}/vmlinuz`]: 1000 });
const key = join(root, "signing.pem");
await output(...plasmd("key", "generate", "--out", key));
const publicKey = (await output(
  ...plasmd("key", "show", "--signing-key", key, "--format", "hex"),
)).trim();

const serve = (...more: string[]) =>
  plasmd(
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", "bench", "--arch", "arm64", "--signing-key", key],
    ...more,
  );
const discover = (...more: string[]): [string, ...string[]] => [
  ...programCommand("phase_discover"),
  ...["--channel", "bench", "--arch", "arm64", "--key", publicKey],
  ...["--timeout", "60", ...more],
];
const empty = [Deno.execPath(), "eval", "0"] as const;

const obstacle = labObstacle([
  "avahi-daemon",
  "avahi-publish",
  "dbus-daemon",
]);
const waitedMs: number[] = [];
let measured: Awaited<ReturnType<typeof measure>>;
if (obstacle === undefined) {
  await using lab = await NetworkLab.open();
  const ours = await lab.lan("ours");
  const theirs = await lab.lan("theirs");
  const provider = await lab.hostOn(ours, "10.77.0.1/24");
  const client = await lab.hostOn(ours, "10.77.0.2/24");
  const avahi = await lab.hostOn(theirs, "10.78.0.1/24");
  const avahiClient = await lab.hostOn(theirs, "10.78.0.2/24");
  provider.start(
    ...serve("--no-dht", "--port", PORT, "--state-dir", join(root, "a")),
  );
  avahi.start(
    ...serve(
      "--no-dht",
      "--no-mdns",
      "--port",
      PORT,
      "--state-dir",
      join(root, "b"),
    ),
  );
  await avahi.startAvahi("publisher");
  avahi.start(
    ...["avahi-publish", "-s"] as const,
    "--subtype=_bench-arm64._sub._phase-image._tcp",
    ...["bench", "_phase-image._tcp", PORT, "channel=bench", "arch=arm64"],
    `manifest=http://10.78.0.1:${PORT}/${IMAGE}/manifest.json`,
    "version=1",
  );
  const from = (exec: Exec) => () => exec(...discover());
  const clients = {
    plasmd: from((...command) => client.exec(...command)),
    "avahi-publish": from((...command) => avahiClient.exec(...command)),
  };
  for (const one of Object.values(clients)) await untilFound(one);
  measured = await measure(() => client.exec(...empty), clients);
  for (let i = 0; i < WAITING.runs; i++) {
    const [late, waiting] = await lab.twoHosts();
    const found = waiting.exec(...discover());
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const startMs = performance.now();
    const provider = late.start(
      ...serve("--no-dht", "--port", PORT, "--state-dir", join(root, "late")),
    );
    await found;
    waitedMs.push(Math.round(performance.now() - startMs));
    await provider.end("SIGKILL");
  }
} else {
  const [program, ...args] = serve(
    ...["--no-dht", "--interface", "lo", "--port", "0"],
    ...["--state-dir", join(root, "a")],
  );
  const child = new Deno.Command(program, {
    args,
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const client = () => output(...discover("--interface", "lo"));
    await untilFound(client);
    measured = await measure(() => output(...empty), {
      [`plasmd, on loopback since ${obstacle}`]: client,
    });
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}
const { floorMs, figures } = measured;
const missed = figures.flatMap(missedLimits);
const waited = percentile(waitedMs, 0.5);
if (waited > WAITING.p50LimitMs) {
  missed.push(`a waiting client: ${waited} ms, not ${WAITING.p50LimitMs}`);
}
const slow = await onSlowProcessor();
if ("ratio" in slow && !(slow.ratio <= SLOW.ratioLimit)) {
  missed.push(
    `on a slow processor: auto takes ${slow.ratio} times lan, not ${SLOW.ratioLimit}`,
  );
}
const table = {
  runs: RUNS,
  floor_ms: { p50: percentile(floorMs, 0.5), p95: percentile(floorMs, 0.95) },
  limits_above_floor_ms: LIMIT_MS,
  clients: figures,
  waiting_client_ms: waitedMs,
  slow_processor: slow,
  missed,
};
Deno.stdout.writeSync(
  new TextEncoder().encode(`${JSON.stringify(table, null, 2)}\n`),
);
Deno.exitCode = missed.length === 0 ? 0 : 1;
