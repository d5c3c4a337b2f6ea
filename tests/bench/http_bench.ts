/**
 * `deno task bench:http`: `plasmd serve` beside nginx (sendfile, one worker)
 * on the same file, by the same client, on the same machine. Rounds of both,
 * and of all cases, alternate, so that a busy minute of the machine slows all
 * alike; the medians are compared.
 */
import { join } from "node:path";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { type Load, type LoadResult, putLoad } from "./http_load.ts";

const ROUNDS = Number(Deno.args[0] ?? 25);
const FILE_BYTES = 256 * 1024 * 1024;
const RANGE_BYTES = 1024 * 1024;
const CROWD = 200;
const CROWD_BYTES = 100 * 1024 * 1024;
const MIB = 1024 * 1024;
const [CHANNEL, ARCH] = ["bench-http", "x86_64"] as const;
const KERNEL = `/${CHANNEL}/${ARCH}/vmlinuz`;
const MANIFEST = `/${CHANNEL}/${ARCH}/manifest.json`;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

async function writeRandomFile(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const bytes = new Uint8Array(MIB);
  for (let written = 0; written < FILE_BYTES; written += bytes.length) {
    for (let at = 0; at < bytes.length; at += 65536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65536));
    }
    await file.write(bytes);
  }
}

/** Its file and, as a file too, the manifest that plasmd has signed. */
async function startNginx(
  root: string,
  manifest: Uint8Array,
): Promise<(AsyncDisposable & { port: number }) | undefined> {
  const directory = join(root, "nginx");
  const images = join(directory, "root", CHANNEL, ARCH);
  await Deno.mkdir(images, { recursive: true });
  await Deno.symlink(join(root, "vmlinuz"), join(images, "vmlinuz"));
  await Deno.writeFile(join(images, "manifest.json"), manifest);
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${directory}/${name};`).join(" ");
  await Deno.writeTextFile(
    join(directory, "nginx.conf"),
    `daemon off; master_process off; pid ${directory}/pid;
error_log ${directory}/error.log;
events { worker_connections 1024; }
http {
  sendfile on; tcp_nopush on; access_log off; ${temporary}
  keepalive_requests 1000000;
  types { application/json json; } default_type application/octet-stream;
  server { listen 127.0.0.1:${port}; root ${directory}/root; }
}
`,
  );
  try {
    const child = new Deno.Command("nginx", {
      args: ["-c", join(directory, "nginx.conf"), "-e", "stderr"],
      stderr: "null",
    }).spawn();
    await answers(port);
    return {
      port,
      async [Symbol.asyncDispose]() {
        child.kill("SIGTERM");
        await child.status;
      },
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    print("nginx is not installed: nothing to compare with");
    return undefined;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`nothing answers on port ${port}`);
}

/** The most memory a process ever had, from /proc. */
async function peakMemoryMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1024;
}

function randomRange(): string {
  const first = Math.floor(Math.random() * (FILE_BYTES - RANGE_BYTES));
  return `bytes=${first}-${first + RANGE_BYTES - 1}`;
}

function mibPerSecond({ bytes, elapsedMs }: LoadResult): number {
  return bytes / MIB / (elapsedMs / 1000);
}

function perSecond({ requests, elapsedMs }: LoadResult): number {
  return requests / (elapsedMs / 1000);
}

const CASES: readonly {
  readonly name: string;
  readonly load: Omit<Load, "port">;
  readonly rate: (result: LoadResult) => number;
  /** How much of nginx's rate ours must be. */
  readonly wanted: number;
}[] = [
  {
    name: "256 MiB file, 1 connection, MiB/s",
    load: { connections: 1, requests: 2, path: KERNEL },
    rate: mibPerSecond,
    wanted: 0.85,
  },
  {
    name: "256 MiB file, 4 connections, MiB/s",
    load: { connections: 4, requests: 1, path: KERNEL },
    rate: mibPerSecond,
    wanted: 1,
  },
  {
    name: "1 MiB ranges, 4 connections, MiB/s",
    load: { connections: 4, requests: 150, path: KERNEL, range: randomRange },
    rate: mibPerSecond,
    wanted: 0.7,
  },
  {
    name: "manifests, 16 connections, requests/s",
    load: { connections: 16, requests: 500, path: MANIFEST },
    rate: perSecond,
    wanted: 0.6,
  },
];

await using directory = await temporaryDirectory();
const root = directory.path;
const image = join(root, "artifacts", CHANNEL, ARCH);
await Deno.mkdir(image, { recursive: true });
await writeRandomFile(join(root, "vmlinuz"));
await Deno.link(join(root, "vmlinuz"), join(image, "vmlinuz"));

/** As `deno task serve` starts it. */
/** Each has a state directory of its own: it serves one provider at a time. */
async function startProvider(
  name: string,
): Promise<RunningProgram & { readonly port: number }> {
  const program = start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts"), "--interface", "lo"],
    ...["--channel", CHANNEL, "--arch", ARCH, "--no-dht", "--no-mdns"],
    ...["--port", "0", "--state-dir", join(root, name)],
  ]);
  const [, port = ""] = await program.line(/Serving on http:\/\/.*:(\d+)/);
  await program.line(/Found 1/);
  return Object.assign(program, { port: Number(port) });
}

await using provider = await startProvider("state");
const { port } = provider;
const manifest = await (await fetch(`http://127.0.0.1:${port}${MANIFEST}`))
  .bytes();
await using nginx = await startNginx(root, manifest);

/** What must hold, and did not. */
const missed: string[] = [];
function verdict(name: string, holds: boolean): string {
  if (!holds) missed.push(name);
  return holds ? "yes" : "NO";
}

const servers = [
  ["plasmd", port],
  ...nginx === undefined ? [] : [["nginx", nginx.port] as const],
] as const;
const measured = CASES.map((each) => ({
  ...each,
  rates: { plasmd: [] as number[], nginx: [] as number[] },
}));
for (let round = -1; round < ROUNDS; round++) {
  for (const { name, load, rate, rates } of measured) {
    for (const [server, at] of servers) {
      const result = await putLoad({ ...load, port: at });
      if (result.failures > 0) throw new Error(`${server} failed at: ${name}`);
      if (round >= 0) rates[server].push(rate(result)); // The first warms up.
    }
  }
}

print("| | plasmd | nginx | ratio | wanted | met |");
print("|---|---:|---:|---:|---:|---|");
for (const { name, wanted, rates } of measured) {
  const [ours, theirs] = [median(rates.plasmd), median(rates.nginx)];
  const ratio = ours / theirs;
  const compared = nginx === undefined
    ? "| | | |"
    : `${theirs.toFixed(0)} | ${ratio.toFixed(2)} | ${wanted.toFixed(2)} | ${
      verdict(name, ratio >= wanted)
    } |`;
  print(`| ${name} | ${ours.toFixed(0)} | ${compared}`);
}

/** A crowd that comes all at once, to a provider that has just started. */
async function crowd(
  connections: number,
  bytes: number,
  limits: { readonly memoryMib: number; readonly slowest: number },
): Promise<void> {
  await using fresh = await startProvider(`state-${connections}`);
  const result = await putLoad({
    port: fresh.port,
    connections,
    requests: 1,
    path: KERNEL,
    range: () => `bytes=0-${bytes - 1}`,
  });
  const { memoryMib, slowest } = limits;
  const peakMib = await peakMemoryMib(fresh.pid);
  const spread = (result.connectionMs.at(-1) ?? NaN) /
    median(result.connectionMs);
  const name = `${connections} clients x ${bytes / MIB} MiB`;
  const { failures } = result;
  const rate = mibPerSecond(result).toFixed(0);
  print(`| ${name}, MiB/s | ${rate} | | | | |`);
  const row = (what: string, value: string, want: string, holds: boolean) =>
    print(
      `| ${name}, ${what} | ${value} | | | ${want} | ${
        verdict(`${name}, ${what}`, holds)
      } |`,
    );
  row("failed", `${failures}`, "0", failures === 0);
  row(
    "peak memory, MiB",
    peakMib.toFixed(0),
    `< ${memoryMib}`,
    peakMib < memoryMib,
  );
  row(
    "slowest to median",
    spread.toFixed(2),
    `<= ${slowest}`,
    spread <= slowest,
  );
}

await crowd(64, FILE_BYTES, { memoryMib: 150, slowest: 3 });
await crowd(CROWD, CROWD_BYTES, { memoryMib: 250, slowest: 3 });
if (missed.length > 0) {
  print(`\nMissed: ${missed.join("; ")}`);
  Deno.exitCode = 1;
}
