import { join } from "node:path";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { type FileServers, startFileServers } from "./file_servers.ts";
import { type Load, type LoadResult, putLoad } from "./http_load.ts";
import {
  type Contest,
  median,
  missing,
  OURS,
  type Part,
  type Row,
  single,
  takeTurns,
} from "./part.ts";
import { cpuSeconds, output, peakMib, writeRandomFile } from "./processes.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 256 * MIB;
const RANGE_BYTES = MIB;
const [CHANNEL, ARCH] = ["bench-http", "x86_64"] as const;
const KERNEL = `/${CHANNEL}/${ARCH}/vmlinuz`;
const MANIFEST = `/${CHANNEL}/${ARCH}/manifest.json`;

/** Crowds that come all at once, to a provider that has just started. */
const CROWDS = [
  { connections: 64, bytes: FILE_BYTES },
  { connections: 200, bytes: 100 * MIB },
];

interface Server {
  readonly port: number;
  readonly pid: number;
}

function mibPerSecond({ bytes, elapsedMs }: LoadResult): number {
  return bytes / MIB / (elapsedMs / 1000);
}

function perSecond({ requests, elapsedMs }: LoadResult): number {
  return requests / (elapsedMs / 1000);
}

function randomRange(): string {
  const first = Math.floor(Math.random() * (FILE_BYTES - RANGE_BYTES));
  return `bytes=${first}-${first + RANGE_BYTES - 1}`;
}

/** What our client asks for, and what of the outcome counts. */
const LOADS: readonly {
  readonly name: string;
  readonly unit: string;
  readonly load: Omit<Load, "port">;
  readonly rate: (result: LoadResult) => number;
}[] = [
  ...[[1, 2], [4, 1]].map(([connections = 1, requests = 1]) => ({
    name: `256 MiB file, ${plural(connections)}`,
    unit: "MiB/s",
    load: { connections, requests, path: KERNEL },
    rate: mibPerSecond,
  })),
  {
    name: "8 MiB of it, 200 connections",
    unit: "MiB/s",
    load: {
      connections: 200,
      requests: 1,
      path: KERNEL,
      range: () => `bytes=0-${8 * MIB - 1}`,
    },
    rate: mibPerSecond,
  },
  ...[[1, 600], [4, 600], [32, 60]].map(([connections = 1, requests = 1]) => ({
    name: `1 MiB ranges, ${plural(connections)}`,
    unit: "MiB/s",
    load: { connections, requests, path: KERNEL, range: randomRange },
    rate: mibPerSecond,
  })),
  ...[[1, 1000], [16, 500], [200, 20]].map((
    [connections = 1, requests = 1],
  ) => ({
    name: `manifests, ${plural(connections)}`,
    unit: "requests/s",
    load: { connections, requests, path: MANIFEST },
    rate: perSecond,
  })),
];

function plural(connections: number): string {
  return connections === 1 ? "1 connection" : `${connections} connections`;
}

/**
 * `plasmd serve` beside servers of files: the same file, by the same client, on
 * the same machine.
 */
export const httpPart: Part = {
  name: "http",
  budgetSeconds: 280,
  async run(limit) {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const image = join(root, "artifacts", CHANNEL, ARCH);
    await Deno.mkdir(image, { recursive: true });
    await writeRandomFile(join(image, "vmlinuz"), FILE_BYTES);
    await using provider = await startProvider(root, "state");
    await copyForOthers(root, provider.port);
    await using others = await startFileServers(root, join(root, "root"));
    const servers = new Map<string, Server>([
      [OURS, provider],
      ...others.servers,
    ]);
    const rows = await takeTurns(contests(servers, others), limit);
    const memory = await memoryRow(servers, others);
    const crowds: Row[] = [];
    for (const each of CROWDS) crowds.push(...await crowd(root, each));
    return [...rows, memory, ...crowds];
  },
};

/** The same file, and as a file too, the manifest that plasmd has signed. */
async function copyForOthers(root: string, port: number): Promise<void> {
  const image = join(root, "root", CHANNEL, ARCH);
  await Deno.mkdir(image, { recursive: true });
  const file = join(CHANNEL, ARCH, "vmlinuz");
  await Deno.link(join(root, "artifacts", file), join(root, "root", file));
  const manifest = await fetch(`http://127.0.0.1:${port}${MANIFEST}`);
  await Deno.writeFile(join(image, "manifest.json"), await manifest.bytes());
}

/** As `deno task serve` starts it, with a state directory of its own. */
async function startProvider(
  root: string,
  name: string,
): Promise<RunningProgram & Server> {
  const program = start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts"), "--interface", "lo"],
    ...["--channel", CHANNEL, "--arch", ARCH, "--no-dht", "--no-mdns"],
    ...["--port", "0", "--state-dir", join(root, name)],
  ]);
  const [, port = ""] = await program.line(/Serving on http:\/\/.*:(\d+)/);
  await program.line(/Found 1/);
  return Object.assign(program, { port: Number(port) });
}

function contests(
  servers: ReadonlyMap<string, Server>,
  { skipped }: FileServers,
): Contest[] {
  const each = (measure: (server: Server) => Promise<number>) =>
    Object.fromEntries(
      [...servers].map(([name, server]) => [name, () => measure(server)]),
    );
  return [
    ...LOADS.map(({ name, unit, load, rate }) => ({
      name,
      unit,
      skipped,
      programs: each(async ({ port }) => rate(await loaded({ ...load, port }))),
    })),
    {
      name: "256 MiB file, by curl",
      unit: "MiB/s",
      skipped,
      programs: each(curlRate),
    },
    {
      name: "processor time of the server, whole files",
      unit: "s/GiB",
      skipped,
      programs: each((server) =>
        cpuPerGib(server, { connections: 4, requests: 1, path: KERNEL })
      ),
    },
    {
      name: "processor time of the server, 1 MiB ranges",
      unit: "s/GiB",
      skipped,
      programs: each((server) =>
        cpuPerGib(server, {
          ...{ connections: 4, requests: 256, path: KERNEL },
          range: randomRange,
        })
      ),
    },
  ];
}

/** @throws when an answer was not as it should be */
async function loaded(load: Load): Promise<LoadResult> {
  const result = await putLoad(load);
  if (result.failures > 0) throw new Error(`${result.failures} failed`);
  if (result.bytes === 0) throw new Error("its answers were empty");
  return result;
}

async function curlRate({ port }: Server): Promise<number> {
  const bytesPerSecond = await output([
    ...["curl", "-sf", "-o", "/dev/null", "-w", "%{speed_download}"] as const,
    `http://127.0.0.1:${port}${KERNEL}`,
  ]);
  return Number(bytesPerSecond) / MIB;
}

async function cpuPerGib(
  { port, pid }: Server,
  load: Omit<Load, "port">,
): Promise<number> {
  const before = await cpuSeconds(pid);
  const { bytes } = await loaded({ ...load, port });
  return (await cpuSeconds(pid) - before) / (bytes / 2 ** 30);
}

async function memoryRow(
  servers: ReadonlyMap<string, Server>,
  { skipped }: FileServers,
): Promise<Row> {
  const peaks: Record<string, number> = {};
  for (const [name, { pid }] of servers) peaks[name] = await peakMib(pid);
  const { [OURS]: ours = NaN, ...others } = peaks;
  const row = single("peak memory of the server after all that", "MiB", ours);
  return { ...row, others, skipped };
}

async function crowd(
  root: string,
  { connections, bytes }: (typeof CROWDS)[number],
): Promise<Row[]> {
  const name = `${connections} clients x ${bytes / MIB} MiB`;
  try {
    await using fresh = await startProvider(root, `state-${connections}`);
    const result = await putLoad({
      port: fresh.port,
      connections,
      requests: 1,
      path: KERNEL,
      range: () => `bytes=0-${bytes - 1}`,
    });
    const { connectionMs, failures } = result;
    const spread = (connectionMs.at(-1) ?? NaN) / median(connectionMs);
    const peak = await peakMib(fresh.pid);
    return [
      single(`${name}, all together`, "MiB/s", mibPerSecond(result)),
      single(`${name}, failed`, "clients", failures),
      single(`${name}, peak memory`, "MiB", peak),
      single(`${name}, slowest to median`, "times", spread),
    ];
  } catch (error) {
    return [missing(`${name}, peak memory`, "MiB", error)];
  }
}
