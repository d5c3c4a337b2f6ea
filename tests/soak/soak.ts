/**
 * A provider for as many minutes as are named, with one change a second and
 * twenty clients that discover all the time: `deno task soak 10`. Prints JSON,
 * and exits with 1 when a discovery failed, memory or file descriptors grew, or
 * it did not last long enough to tell.
 */
import { join } from "node:path";
import { percentile } from "../sim/percentile.ts";
import { programCommand } from "../support/shipped_programs.ts";
import { makeFiles } from "../support/image_tree.ts";
import {
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { courseOfMemory, floorsOf, liveHeap } from "./memory_course.ts";

const CLIENTS = 20;
const CHANGE_INTERVAL_MS = 1000;
/** So that the clients together leave a share of a small machine to others. */
const MEAN_PAUSE_MS = 5000;
const ARCH = "x86_64";
/** Looked for all the time: they change, and are always there. */
const STEADY = ["soak-0", "soak-1", "soak-2", "soak-3"];
/** Comes and goes. */
const FLEETING = "soak-fleeting";
const MODES = ["lan", "wan", "auto"] as const;

/**
 * In the second half, of what is alive after full collections: caches fill, such
 * as that of blobs which are kept for ten minutes.
 */
const MAX_HEAP_GROWTH = 0.1;
/** The same of all memory, of which V8 gives back some, now and then. */
const MAX_RESIDENT_GROWTH = 0.1;
/** Of the least in each half: at some moment no client has a connection. */
const MAX_MORE_DESCRIPTORS = 2;

interface Sample {
  readonly atSeconds: number;
  readonly residentMib: number;
  readonly descriptors: number;
}

interface Discovery {
  readonly mode: typeof MODES[number];
  readonly elapsedMs: number;
  /** Why it failed. */
  readonly problem?: string;
}

interface Soak {
  readonly directory: string;
  readonly provider: RunningProgram;
  readonly bootstrap: string;
  readonly keyId: string;
  readonly signal: AbortSignal;
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** As it is shipped, and with a line about each collection. */
function plasmdTracingGc(): string[] {
  const command = programCommand("plasmd");
  const flags = command.find((word) => word.startsWith("--v8-flags="));
  return flags === undefined
    ? command.toSpliced(2, 0, "--v8-flags=--trace-gc")
    : command.map((word) => word === flags ? `${word},--trace-gc` : word);
}

/** In place of what is there, as operators do it. */
async function replace(directory: string, channel: string, name: string) {
  const content = `${name} ${crypto.randomUUID()}`;
  const next = join(directory, "next");
  await Deno.writeTextFile(next, content.repeat(1000));
  const image = join(directory, "artifacts", channel, ARCH);
  await Deno.mkdir(image, { recursive: true });
  await Deno.rename(next, join(image, name));
}

/** What operators do to a tree, one after the other. */
const CHANGES: readonly ((
  soak: Soak,
  channel: string,
) => Promise<void>)[] = [
  ({ directory }, channel) => replace(directory, channel, "vmlinuz"),
  ({ directory }) => replace(directory, FLEETING, "vmlinuz"),
  ({ directory }, channel) => replace(directory, channel, "initramfs.img"),
  async ({ directory }, channel) => {
    const version = join(directory, "artifacts", channel, ARCH, "version");
    await Deno.writeTextFile(version, `${Date.now()}`);
  },
  ({ directory }, channel) =>
    Deno.remove(
      join(directory, "artifacts", channel, ARCH, "initramfs.img"),
    ).catch(() => {
      // Not there at first.
    }),
  ({ directory }) =>
    Deno.remove(join(directory, "artifacts", FLEETING), { recursive: true }),
  ({ provider }) => Promise.resolve(Deno.kill(provider.pid, "SIGHUP")),
];

async function change(soak: Soak): Promise<number> {
  const startMs = performance.now();
  let count = 0;
  while (!soak.signal.aborted) {
    const channel = STEADY[count % STEADY.length] ?? "";
    await CHANGES[count % CHANGES.length]?.(soak, channel);
    count++;
    const dueMs = startMs + count * CHANGE_INTERVAL_MS;
    await sleep(Math.max(0, dueMs - performance.now()));
  }
  return count;
}

async function discoverAgainAndAgain(
  { bootstrap, keyId, signal }: Soak,
  client: number,
): Promise<Discovery[]> {
  const channel = STEADY[client % STEADY.length] ?? "";
  const mode = MODES[client % MODES.length] ?? "auto";
  const discoveries: Discovery[] = [];
  while (!signal.aborted) {
    await sleep(MEAN_PAUSE_MS * (0.5 + Math.random()));
    const { code, stdout, stderr, elapsedMs } = await run("phase_discover", [
      ...["--channel", channel, "--arch", ARCH, "--mode", mode],
      ...["--interface", "lo", "--bootstrap", bootstrap, "--timeout", "20"],
      ...["--key", keyId, "--format", "json"],
    ]);
    const found = code === 0 && JSON.parse(stdout).channel === channel;
    discoveries.push({
      mode,
      elapsedMs,
      ...!found && { problem: `exit ${code}: ${stderr}` },
    });
  }
  return discoveries;
}

async function watch({ provider, signal }: Soak): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let atSeconds = 0; !signal.aborted; atSeconds++) {
    const proc = `/proc/${provider.pid}`;
    const status = await Deno.readTextFile(`${proc}/status`);
    const descriptors = await Array.fromAsync(Deno.readDir(`${proc}/fd`));
    samples.push({
      atSeconds,
      residentMib: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
      descriptors: descriptors.length,
    });
    await sleep(1000);
  }
  return samples;
}

/** How a figure went; the first tenth is left out: caches fill. */
function courseOf(samples: readonly Sample[], key: keyof Sample) {
  const values = samples.map((sample) => Math.round(sample[key]));
  const part = (from: number, to: number) =>
    values.slice(
      Math.floor(from * values.length),
      Math.ceil(to * values.length),
    );
  const [first, second] = [part(0.1, 0.55), part(0.55, 1)];
  return {
    start: values[0],
    middle: values[Math.floor(values.length / 2)],
    end: values.at(-1),
    least: { first_half: Math.min(...first), second_half: Math.min(...second) },
    most: { first_half: Math.max(...first), second_half: Math.max(...second) },
    series: Array.from(
      { length: 20 },
      (_, i) => values[Math.floor(i / 20 * values.length)],
    ),
  };
}

/** What speaks for a leak of memory, or leaves it open. */
function memoryProblems(
  gcTrace: string,
  samples: readonly Sample[],
): { readonly report: unknown; readonly problems: readonly string[] } {
  const resident = samples.map(({ atSeconds, residentMib }) => ({
    atSeconds,
    mib: residentMib,
  }));
  const courses = [
    ["live heap", courseOfMemory(liveHeap(gcTrace)), MAX_HEAP_GROWTH],
    ["resident", courseOfMemory(floorsOf(resident)), MAX_RESIDENT_GROWTH],
  ] as const;
  return {
    report: Object.fromEntries(
      courses.map(([name, course]) => [
        name,
        course && {
          growth: Number(course.growth.toFixed(3)),
          mib: course.points.map(({ mib }) => Math.round(mib * 10) / 10),
        },
      ]),
    ),
    problems: courses.flatMap(([name, course, max]) => {
      if (course === undefined) {
        return [`too short to tell of memory (${name})`];
      }
      return course.growth > max ? [`memory grew (${name})`] : [];
    }),
  };
}

function timesOf(discoveries: readonly Discovery[]) {
  const times = discoveries.map(({ elapsedMs }) => elapsedMs);
  return {
    done: times.length,
    failed: discoveries.filter(({ problem }) => problem !== undefined).length,
    p50_ms: Math.round(percentile(times, 0.5)),
    p99_ms: Math.round(percentile(times, 0.99)),
  };
}

async function soak(minutes: number): Promise<boolean> {
  await using temporary = await temporaryDirectory();
  const directory = temporary.path;
  for (const channel of [...STEADY, FLEETING]) {
    await makeFiles(join(directory, "artifacts"), {
      [`${channel}/${ARCH}/vmlinuz`]: 1 << 20,
    });
  }
  await using node = start("plasmd", [
    ...["bootstrap", "--interface", "lo", "--p2p-port", "0"],
    ...["--state-dir", join(directory, "bootstrap")],
  ]);
  const [, bootstrap = ""] = await node.line(/DHT node (\S+)/);
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", join(directory, "artifacts")],
    ...["--interface", "lo", "--port", "0", "--p2p-port", "0"],
    ...["--bootstrap", bootstrap, "--state-dir", join(directory, "state")],
  ], { runner: plasmdTracingGc() });
  const [, keyId = ""] = await provider.line(/clients trust (\S+)/);
  await provider.line(new RegExp(`Advertising ${FLEETING}/`));

  const ending = new AbortController();
  const { signal } = ending;
  const limit = setTimeout(() => ending.abort(), minutes * 60_000);
  const run = { directory, provider, bootstrap, keyId, signal };
  const [changes, samples, perClient] = await Promise.all([
    change(run),
    watch(run),
    Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => discoverAgainAndAgain(run, i)),
    ),
  ]).finally(() => {
    clearTimeout(limit);
    ending.abort();
  });

  const discoveries = perClient.flat();
  const memory = courseOf(samples, "residentMib");
  const descriptors = courseOf(samples, "descriptors");
  const problems = new Set(
    discoveries.flatMap(({ problem }) => problem ?? []),
  );
  const { first_half: before, second_half: after } = descriptors.least;
  if (after > before + MAX_MORE_DESCRIPTORS) {
    problems.add("file descriptors grew");
  }
  const { code, stdout } = await provider.end("SIGTERM");
  const halves = memoryProblems(stdout, samples);
  for (const problem of halves.problems) problems.add(problem);
  if (code !== 0) problems.add(`the provider ended with ${code}`);
  const errors = provider.lines().filter((line) => line.startsWith("ERROR"));
  for (const line of errors) problems.add(line);
  const report = {
    minutes,
    changes,
    clients: CLIENTS,
    discoveries: timesOf(discoveries),
    by_mode: Object.fromEntries(MODES.map((mode) => [
      mode,
      timesOf(discoveries.filter((d) => d.mode === mode)),
    ])),
    memory_in_second_half: halves.report,
    resident_mib: memory,
    descriptors,
    log_lines: provider.lines().length,
    problems: [...problems],
  };
  write(JSON.stringify(report, null, 2));
  return problems.size === 0;
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) {
  const minutes = Number(Deno.args[0] ?? 10);
  if (!(minutes > 0)) throw new Error("Usage: deno task soak [MINUTES]");
  Deno.exit(await soak(minutes) ? 0 : 1);
}
