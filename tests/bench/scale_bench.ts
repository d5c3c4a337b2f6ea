/**
 * `deno task bench:scale [IMAGES...]`: providers of 10, 100, 1,000 and 10,000
 * images of three small files each, with mDNS and DHT on, under 1,024 file
 * descriptors. Prints JSON; exits with 1 where one change is seen after more
 * than 3 s, or takes more than 0.3 s of CPU time.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { start, temporaryDirectory } from "../support/programs.ts";

const SIZES = [10, 100, 1000, 10_000];
const ARCHS = ["arm64", "x86_64"];
const FILES = ["vmlinuz", "initrd.img", "rootfs.squashfs"];
const FILE_BYTES = 2000;
const CHANGES = 5;
const MAX_SEEN_MS = 3000;
const MAX_CPU_SECONDS = 0.3;
const TICKS_PER_SECOND = 100;
/** How long a provider is left alone before it is measured, and measured. */
const IDLE_MS = 10_000;
const READY_LIMIT_MS = 300_000;

const sleep = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));
const content = () => crypto.getRandomValues(new Uint8Array(FILE_BYTES));
const rounded = (value: number, digits = 2) => Number(value.toFixed(digits));

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function memoryMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

/** Open descriptors, and the directories that inotify watches. */
async function descriptors(pid: number) {
  let open = 0;
  let watches = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    open++;
    const info = await Deno.readTextFile(`/proc/${pid}/fdinfo/${name}`)
      .catch(() => "");
    watches += info.match(/^inotify /gm)?.length ?? 0;
  }
  return { descriptors: open, watches };
}

async function startProvider(directory: string, images: number) {
  const startMs = performance.now();
  const provider = start("plasmd", [
    ...["serve", "--artifacts", join(directory, "artifacts")],
    ...["--interface", "lo", "--port", "0", "--p2p-port", "0"],
    ...["--state-dir", join(directory, "state")],
  ], { prefix: ["prlimit", "--nofile=1024:1024"] });
  while (!provider.lines().some((line) => line.includes("Advertising "))) {
    if (performance.now() - startMs > READY_LIMIT_MS) {
      throw new Error(`not ready:\n${provider.lines().slice(-5).join("\n")}`);
    }
    await sleep(20);
  }
  const readyMs = Math.round(performance.now() - startMs);
  const cpu = rounded(await cpuSeconds(provider.pid));
  const found = /Found (\d+) /.exec(provider.lines().join("\n"))?.[1];
  if (Number(found) !== images) throw new Error(`found ${found} of ${images}`);
  return { provider, cost: { ready_ms: readyMs, cpu_seconds: cpu } };
}

/** Replaces a kernel, and waits until the manifest names the new one. */
async function change(directory: string, base: string, pid: number) {
  const image = `many-0/${ARCHS[0]}`;
  const path = join(directory, "artifacts", image);
  const next = content();
  const hex = createHash("sha256").update(next).digest("hex");
  const isSeen = async () => {
    const answer = await fetch(`${base}/${image}/manifest.json`);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
    return text.includes(hex);
  };
  await Deno.writeFile(join(directory, "next"), next);
  const cpuBefore = await cpuSeconds(pid);
  const startMs = performance.now();
  await Deno.rename(join(directory, "next"), join(path, "vmlinuz"));
  while (!await isSeen()) {
    if (performance.now() - startMs > READY_LIMIT_MS) throw new Error("unseen");
    await sleep(50);
  }
  const seenMs = performance.now() - startMs;
  // What follows, such as the second look and the digests that are kept.
  await sleep(Math.max(0, IDLE_MS - seenMs));
  return { seenMs, cpu: await cpuSeconds(pid) - cpuBefore };
}

async function measure(images: number) {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  for (let i = 0; i < images / ARCHS.length; i++) {
    for (const arch of ARCHS) {
      const image = join(path, "artifacts", `many-${i}`, arch);
      await Deno.mkdir(image, { recursive: true });
      for (const file of FILES) {
        await Deno.writeFile(join(image, file), content());
      }
    }
  }
  const cold = await startProvider(path, images);
  await cold.provider.end("SIGTERM");
  const warm = await startProvider(path, images);
  await using provider = warm.provider;
  const { pid } = provider;
  const [, base = ""] = await provider.line(/Serving on (http:\S+)/);
  await sleep(IDLE_MS);
  const cpuBefore = await cpuSeconds(pid);
  // As long as the changes take: parts of the tree are read again now and then.
  await sleep(CHANGES * IDLE_MS);
  const idleCpu = (await cpuSeconds(pid) - cpuBefore) / CHANGES;
  const changes = [];
  for (let i = 0; i < CHANGES; i++) changes.push(await change(path, base, pid));
  const median = (values: number[]) =>
    values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
  const missing = await fetch(`${base}/none/none/manifest.json`);
  const report = {
    images,
    start: cold.cost,
    warm_start: warm.cost,
    idle_cpu_seconds_in_10_s: rounded(idleCpu),
    change: {
      seen_ms: Math.round(median(changes.map(({ seenMs }) => seenMs))),
      cpu_seconds_in_10_s: rounded(
        changes.reduce((sum, { cpu }) => sum + cpu, 0) / CHANGES,
      ),
    },
    memory_mb: await memoryMb(pid),
    ...await descriptors(pid),
    bytes_of_a_404: (await missing.text()).length,
  };
  Deno.stdout.writeSync(
    new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`),
  );
  return report;
}

if (import.meta.main) {
  const sizes = Deno.args.length > 0 ? Deno.args.map(Number) : SIZES;
  let isGood = true;
  for (const images of sizes) {
    const { change, idle_cpu_seconds_in_10_s: idle } = await measure(images);
    isGood &&= change.seen_ms <= MAX_SEEN_MS &&
      change.cpu_seconds_in_10_s - idle <= MAX_CPU_SECONDS;
  }
  Deno.exit(isGood ? 0 : 1);
}
