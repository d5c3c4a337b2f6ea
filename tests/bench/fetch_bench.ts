/**
 * `deno task bench:fetch`: how fast an image is fetched and verified.
 *
 * One stream, from `plasmd serve` on loopback, beside `curl | openssl dgst
 * -sha256` from the same, in turns, so that a busy minute of the machine slows
 * both; and the memory that it takes, for a file and one of four times its size.
 * Then two providers that send so much a second over all connections together,
 * beside one of them. Fails where a limit is not met.
 */
import { join } from "node:path";
import type { FileToFetch } from "../../lib/fetch/fetch_image.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

const ROUNDS = Number(Deno.args[0] ?? 7);
const MIB = 1024 * 1024;
const FILE_BYTES = 512 * MIB;
const LARGE_BYTES = 4 * FILE_BYTES;
const RATE = 50 * MIB;
const [CHANNEL, ARCH] = ["bench-fetch", "x86_64"] as const;

/** What is asked for. */
const MIN_OF_CURL = 0.8;
const MIN_OF_TWO = 1.7;
const MAX_MEMORY_MIB = 120;

interface Fetched {
  readonly problem?: string;
  readonly elapsedMs: number;
  readonly peakMib: number;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function rate(bytes: number, elapsedMs: number): string {
  return `${Math.round(bytes / MIB / (elapsedMs / 1000))} MiB/s`;
}

function programAt(name: string): string {
  return new URL(`../support/programs/${name}.ts`, import.meta.url).pathname;
}

async function writeFile(path: string, sizeBytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const bytes = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  for (let i = 0; i < sizeBytes / MIB; i++) {
    new DataView(bytes.buffer).setUint32(0, i);
    await file.write(bytes);
  }
}

async function fetchFile(
  root: string,
  file: FileToFetch,
  urls: readonly string[],
): Promise<Fetched> {
  const directory = join(root, "fetched", ARCH);
  await Deno.mkdir(join(root, "fetched"));
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-prompt", programAt("image_fetcher")],
      JSON.stringify({ directory, file, urls }),
    ],
    stderr: "inherit",
  }).output();
  const fetched: Fetched = JSON.parse(new TextDecoder().decode(stdout));
  if (fetched.problem !== undefined) throw new Error(fetched.problem);
  await Deno.remove(join(root, "fetched"), { recursive: true });
  return fetched;
}

async function curlMs(url: string): Promise<number> {
  const startMs = performance.now();
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `curl -sf "$0" | openssl dgst -sha256 >/dev/null`, url],
  }).output();
  if (!success) throw new Error(`curl ${url} failed`);
  return performance.now() - startMs;
}

/** What the manifest of a provider promises, and where it is. */
async function serveImage(root: string) {
  const artifacts = join(root, "artifacts");
  const directory = join(artifacts, CHANNEL, ARCH);
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(join(directory, "vmlinuz"), "kernel");
  await writeFile(join(directory, "rootfs.img"), FILE_BYTES);
  await writeFile(join(directory, "large.img"), LARGE_BYTES);
  const provider = start("plasmd", [
    ...["serve", "--artifacts", artifacts, "--port", "0", "--no-dht"],
    ...["--no-mdns", "--channel", CHANNEL, "--arch", ARCH],
    ...["--interface", "lo", "--state-dir", join(root, "state")],
  ]);
  const [, origin] = await provider.line(/Serving on (\S+)/);
  await provider.line(/but nobody can discover it yet/);
  const url = `${origin}/${CHANNEL}/${ARCH}/manifest.json`;
  const { artifacts: { rootfs, files } } = await (await fetch(url)).json();
  const promised = (
    { filename, hash, size, pieces }: Record<string, string> & {
      size: number;
      pieces: { size: number; hash: string };
    },
  ): FileToFetch => ({
    path: filename ?? "",
    sha256: hash?.slice(7) ?? "",
    sizeBytes: size,
    pieces: { sizeBytes: pieces.size, sha256: pieces.hash.slice(7) },
  });
  return {
    provider,
    directory,
    url,
    rootfs: promised(rootfs),
    large: promised(files["large.img"]),
  };
}

/** A provider that sends so much a second, in a process of its own. */
async function startLimited(
  root: string,
  { file, path }: { readonly file: FileToFetch; readonly path: string },
  url: string,
) {
  const list = join(root, `list-${crypto.randomUUID()}`);
  const sha256 = file.pieces?.sha256 ?? "";
  const blob = await fetch(new URL(`/blobs/sha256/${sha256}`, url));
  await Deno.writeFile(list, await blob.bytes());
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-prompt", programAt("blob_server"), String(RATE)],
      ...[path, file.sha256, list, sha256],
    ],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return {
    url: `http://127.0.0.1:${value.trim()}/x/y/manifest.json`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

const failures: string[] = [];

function check(isMet: boolean, what: string): void {
  print(`${isMet ? "ok  " : "FAIL"} ${what}`);
  if (!isMet) failures.push(what);
}

await using root = await temporaryDirectory();
const served = await serveImage(root.path);
await using _provider = served.provider;
const { url, rootfs, large, directory } = served;
const [ours, theirs, peaks]: [number[], number[], number[]] = [[], [], []];
for (let round = 0; round < ROUNDS; round++) {
  const fetched = await fetchFile(root.path, rootfs, [url]);
  ours.push(fetched.elapsedMs);
  peaks.push(fetched.peakMib);
  theirs.push(await curlMs(`${url.slice(0, -13)}rootfs.img`));
}
const single = median(theirs) / median(ours);
print(
  `fetchImage ${rate(FILE_BYTES, median(ours))}, curl | openssl ${
    rate(FILE_BYTES, median(theirs))
  }`,
);
check(single >= MIN_OF_CURL, `${single.toFixed(2)} of curl | openssl`);

const whole = await fetchFile(root.path, large, [url]);
print(`2 GiB: ${rate(LARGE_BYTES, whole.elapsedMs)}`);
const peakMib = Math.max(...peaks, whole.peakMib);
check(
  peakMib <= MAX_MEMORY_MIB,
  `${Math.round(Math.max(...peaks))} MiB of memory for 512 MiB, ${
    Math.round(whole.peakMib)
  } for 2 GiB`,
);

const file = { file: rootfs, path: join(directory, "rootfs.img") };
await using one = await startLimited(root.path, file, url);
await using two = await startLimited(root.path, file, url);
const alone = await fetchFile(root.path, rootfs, [one.url]);
const both = await fetchFile(root.path, rootfs, [one.url, two.url]);
const gain = alone.elapsedMs / both.elapsedMs;
print(
  `one provider ${rate(FILE_BYTES, alone.elapsedMs)}, two ${
    rate(FILE_BYTES, both.elapsedMs)
  }`,
);
check(gain >= MIN_OF_TWO, `two providers: ${gain.toFixed(2)} of one`);
if (failures.length > 0) Deno.exitCode = 1;
