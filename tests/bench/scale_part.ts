import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";
import { median, missing, type Part, type Row, single, sleep } from "./part.ts";
import { cpuSeconds, peakMib } from "./processes.ts";

const SIZES = [10, 100, 1000, 10_000];
const ARCHS = ["arm64", "x86_64"];
const FILES = ["vmlinuz", "initrd.img", "rootfs.squashfs"];
const FILE_BYTES = 2000;
const CHANGES = 3;
/** How long a provider is watched, left alone and after each change. */
const WATCHED_MS = 4000;
const READY_LIMIT_MS = 120_000;
/** Of the sizes that have a goal, each start takes seconds. */
const RESTARTS = 3;

const content = () => crypto.getRandomValues(new Uint8Array(FILE_BYTES));

/**
 * Providers of 10 to 10,000 images of three small files each, with mDNS and
 * DHT on, under 1,024 file descriptors: their start, a restart, one change, and
 * what they take.
 */
export const scalePart: Part = {
  name: "scale",
  budgetSeconds: 220,
  async run({ endMs }) {
    const rows: Row[] = [];
    for (const images of SIZES) {
      const name = `${images.toLocaleString("en")} images`;
      if (performance.now() > endMs) {
        const row = `${name}, one change is seen`;
        rows.push(missing(row, "ms", "no time was left"));
        continue;
      }
      rows.push(
        ...await measure(name, images).catch((error) => [
          missing(`${name}, one change is seen`, "ms", error),
        ]),
      );
    }
    return rows;
  },
};

async function measure(name: string, images: number): Promise<Row[]> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await makeImages(path, images);
  const cold = await startProvider(path, images);
  await cold.provider.end("SIGTERM");
  const restarts = [await startProvider(path, images)];
  while (images >= 1000 && restarts.length < RESTARTS) {
    await restarts.at(-1)?.provider.end("SIGTERM");
    restarts.push(await startProvider(path, images));
  }
  const last = restarts.at(-1);
  if (last === undefined) throw new Error("it was not started again");
  await using provider = last.provider;
  const { pid } = provider;
  const [, base = ""] = await provider.line(/Serving on (http:\S+)/);
  await sleep(WATCHED_MS);
  const cpuBefore = await cpuSeconds(pid);
  await sleep(CHANGES * WATCHED_MS);
  const idleCpu = (await cpuSeconds(pid) - cpuBefore) / CHANGES;
  const changes = [];
  for (let i = 0; i < CHANGES; i++) changes.push(await change(path, base, pid));
  const row = (what: string, unit: string, value: number, rounds: number) => ({
    ...single(`${name}, ${what}`, unit, value),
    rounds,
  });
  const served = median(restarts.map(({ servedMs }) => servedMs));
  const found = median(restarts.map(({ foundMs }) => foundMs));
  const seen = median(changes.map(({ seenMs }) => seenMs));
  const cpu = median(changes.map((change) => change.cpu)) - idleCpu;
  return [
    row("first start, found by mDNS", "ms", cold.foundMs, 1),
    row("served after a restart", "ms", served, restarts.length),
    row("found by mDNS after a restart", "ms", found, restarts.length),
    row("one change is seen", "ms", seen, CHANGES),
    row("processor time of one change", "s", Math.max(0, cpu), CHANGES),
    row("peak memory", "MiB", await peakMib(pid), 1),
    row("open descriptors", "files", await descriptors(pid), 1),
  ];
}

async function makeImages(path: string, images: number): Promise<void> {
  for (let i = 0; i < images / ARCHS.length; i++) {
    for (const arch of ARCHS) {
      const image = join(path, "artifacts", `many-${i}`, arch);
      await Deno.mkdir(image, { recursive: true });
      for (const file of FILES) {
        await Deno.writeFile(join(image, file), content());
      }
    }
  }
}

interface Started {
  readonly provider: RunningProgram;
  /** All that are there are served. */
  readonly servedMs: number;
  /** And told to the LAN. */
  readonly foundMs: number;
}

async function startProvider(path: string, images: number): Promise<Started> {
  const startMs = performance.now();
  const provider = start("plasmd", [
    ...["serve", "--artifacts", join(path, "artifacts")],
    ...["--interface", "lo", "--port", "0", "--p2p-port", "0"],
    ...["--state-dir", join(path, "state")],
  ], { prefix: ["prlimit", "--nofile=1024:1024"] });
  const until = async (isTrue: () => boolean | Promise<boolean>) => {
    while (!await isTrue()) {
      if (performance.now() - startMs > READY_LIMIT_MS) {
        const last = provider.lines().slice(-1).join();
        await provider.end("SIGKILL");
        throw new Error(`not ready in ${READY_LIMIT_MS / 1000} s: ${last}`);
      }
      await sleep(10);
    }
    return performance.now() - startMs;
  };
  const [, base = ""] = await provider.line(/Serving on (http:\S+)/);
  const channels = images / ARCHS.length;
  let servedMs = 0;
  for (const channel of [0, channels >> 1, channels - 1]) {
    const manifest = `${base}/many-${channel}/${ARCHS.at(-1)}/manifest.json`;
    servedMs = await until(() => isThere(manifest));
  }
  const foundMs = await until(() =>
    provider.lines().some((line) => line.includes("Advertising "))
  );
  const found = /Found (\d+) /.exec(provider.lines().join("\n"))?.[1];
  if (Number(found) !== images) {
    await provider.end("SIGKILL");
    throw new Error(`found ${found} of ${images}`);
  }
  return { provider, servedMs, foundMs };
}

async function isThere(url: string): Promise<boolean> {
  const answer = await fetch(url);
  await answer.body?.cancel();
  return answer.ok;
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
  await sleep(Math.max(0, WATCHED_MS - seenMs));
  return { seenMs, cpu: await cpuSeconds(pid) - cpuBefore };
}

async function descriptors(pid: number): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}
