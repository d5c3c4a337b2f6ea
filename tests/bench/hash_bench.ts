/**
 * `deno task bench:hash`: how fast a new artifact is read and digested by a
 * running provider, and how long manifest requests take meanwhile. Prints JSON;
 * exits with 1 when 1 GB/s or 20 ms at p99 are missed.
 */
import { join } from "node:path";
import { percentile } from "../sim/percentile.ts";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

const ARTIFACT_BYTES = 4 * 1024 ** 3;
const MIN_BYTES_PER_SECOND = 1e9;
const MAX_P99_MS = 20;
const [CHANNEL, ARCH] = ["bench-hash", "x86_64"] as const;

/** Asks one after the other, until told to stop. */
async function timeRequests(url: string, until: Promise<unknown>) {
  const times: number[] = [];
  let isOver = false;
  until.then(() => isOver = true);
  while (!isOver) {
    const startMs = performance.now();
    await (await fetch(url)).arrayBuffer();
    times.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return {
    requests: times.length,
    p50_ms: Number(percentile(times, 0.5).toFixed(1)),
    p99_ms: Number(percentile(times, 0.99).toFixed(1)),
  };
}

async function measure() {
  await using directory = await temporaryDirectory();
  const artifacts = join(directory.path, "artifacts");
  await makeFiles(artifacts, { [`${CHANNEL}/${ARCH}/vmlinuz`]: 1 << 20 });
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", artifacts, "--channel", CHANNEL],
    ...["--arch", ARCH, "--interface", "lo", "--port", "0", "--no-dht"],
    ...["--no-mdns", "--state-dir", join(directory.path, "state")],
  ]);
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(new RegExp(`Serving ${CHANNEL}/${ARCH}`));
  const manifest = `${url}/${CHANNEL}/${ARCH}/manifest.json`;
  const hasRootfs = async () =>
    "rootfs" in (await (await fetch(manifest)).json()).artifacts;
  const idle = await timeRequests(
    manifest,
    new Promise((resolve) => setTimeout(resolve, 5000)),
  );

  const rootfs = join(artifacts, CHANNEL, ARCH, "rootfs.img");
  // Without blocks on disk, so that nothing but the digest takes time.
  await Deno.writeFile(rootfs, new Uint8Array(0));
  await Deno.truncate(rootfs, ARTIFACT_BYTES);
  await Deno.utime(rootfs, 0, 0);
  const readBytes = async () => {
    const io = await Deno.readTextFile(`/proc/${provider.pid}/io`);
    return Number(/rchar: (\d+)/.exec(io)?.[1]);
  };
  const before = await readBytes();
  while (await readBytes() < before + ARTIFACT_BYTES / 64) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const startMs = performance.now();
  const from = await readBytes();
  const isRead = (async () => {
    while (await readBytes() < before + ARTIFACT_BYTES) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return (await readBytes() - from) / (performance.now() - startMs) * 1000;
  })();
  const hashing = await timeRequests(manifest, isRead);
  while (!await hasRootfs()) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { bytesPerSecond: await isRead, idle, hashing };
}

if (import.meta.main) {
  const { bytesPerSecond, idle, hashing } = await measure();
  const report = {
    gb_per_second: Number((bytesPerSecond / 1e9).toFixed(2)),
    manifests_idle: idle,
    manifests_while_hashing: hashing,
  };
  const text = `${JSON.stringify(report, null, 2)}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  const isMet = bytesPerSecond >= MIN_BYTES_PER_SECOND &&
    hashing.p99_ms < MAX_P99_MS;
  Deno.exit(isMet ? 0 : 1);
}
