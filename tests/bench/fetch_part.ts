import { join } from "node:path";
import type { FileToFetch } from "../../lib/fetch/fetch_image.ts";
import { start, temporaryDirectory } from "../support/programs.ts";
import { OURS, type Part, single, takeTurns, timed } from "./part.ts";
import { lacks, output, writeRandomFile } from "./processes.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 512 * MIB;
const LARGE_BYTES = 4 * FILE_BYTES;
/** Of a provider that sends so much a second, over all its connections. */
const RATE = 50 * MIB;
const [CHANNEL, ARCH] = ["bench-fetch", "x86_64"] as const;

interface Fetched {
  readonly problem?: string;
  readonly elapsedMs: number;
  readonly peakMib: number;
}

/**
 * How fast an image is fetched and verified from `plasmd serve` on loopback,
 * beside `curl | openssl dgst`, which keeps nothing, and aria2, which verifies
 * what it has written; what memory that takes; and what a second provider adds.
 */
export const fetchPart: Part = {
  name: "fetch",
  budgetSeconds: 80,
  async run(limit) {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await using served = await serveImage(root);
    const { url, rootfs, large } = served;
    const file = `${url.slice(0, -"manifest.json".length)}rootfs.img`;
    const peaks: number[] = [];
    const ours = async () => {
      const { elapsedMs, peakMib } = await fetchFile(root, rootfs, [url]);
      peaks.push(peakMib);
      return FILE_BYTES / MIB / (elapsedMs / 1000);
    };
    const rate = async (run: () => Promise<unknown>) =>
      FILE_BYTES / MIB / (await timed(run) / 1000);
    const why = await lacks("aria2c");
    const rows = await takeTurns([{
      name: "512 MiB fetched and verified",
      unit: "MiB/s",
      programs: {
        [OURS]: ours,
        "curl | openssl": () =>
          rate(() => output(["sh", "-c", CURL_AND_OPENSSL, file])),
        ...why === undefined &&
          { aria2: () => rate(() => byAria2(root, file, rootfs.sha256)) },
      },
      skipped: { ...why !== undefined && { aria2: why } },
    }], limit);
    const whole = await fetchFile(root, large, [url]);
    return [
      ...rows,
      single("2 GiB fetched", "MiB/s", rateOf(LARGE_BYTES, whole)),
      single("memory of a fetch", "MiB", Math.max(...peaks, whole.peakMib)),
      single("two providers to one", "times", await gain(root, served)),
    ];
  },
};

const CURL_AND_OPENSSL = `curl -sf "$0" | openssl dgst -sha256 >/dev/null`;

function rateOf(bytes: number, { elapsedMs }: Fetched): number {
  return bytes / MIB / (elapsedMs / 1000);
}

async function byAria2(
  root: string,
  url: string,
  sha256: string,
): Promise<void> {
  const directory = join(root, "aria2");
  await output([
    ...["aria2c", "-q", "-x4", "-s4", "--file-allocation=none"] as const,
    ...[`--checksum=sha-256=${sha256}`, "-d", directory, "-o", "file", url],
  ]);
  await Deno.remove(directory, { recursive: true });
}

function programAt(name: string): string {
  return new URL(`../support/programs/${name}.ts`, import.meta.url).pathname;
}

async function fetchFile(
  root: string,
  file: FileToFetch,
  urls: readonly string[],
): Promise<Fetched> {
  const directory = join(root, "fetched", ARCH);
  await Deno.mkdir(join(root, "fetched"));
  const fetched: Fetched = JSON.parse(
    await output([
      ...[Deno.execPath(), "run", "-A", "--no-prompt"] as const,
      programAt("image_fetcher"),
      JSON.stringify({ directory, file, urls }),
    ]),
  );
  if (fetched.problem !== undefined) throw new Error(fetched.problem);
  await Deno.remove(join(root, "fetched"), { recursive: true });
  return fetched;
}

/** What the manifest of a provider promises, and where it is. */
async function serveImage(root: string) {
  const artifacts = join(root, "artifacts");
  const directory = join(artifacts, CHANNEL, ARCH);
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(join(directory, "vmlinuz"), "kernel");
  await writeRandomFile(join(directory, "rootfs.img"), FILE_BYTES);
  await writeRandomFile(join(directory, "large.img"), LARGE_BYTES);
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
    path: join(directory, "rootfs.img"),
    url,
    rootfs: promised(rootfs),
    large: promised(files["large.img"]),
    [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
  };
}

/** How many times as fast two limited providers are as one of them. */
async function gain(
  root: string,
  served: Awaited<ReturnType<typeof serveImage>>,
): Promise<number> {
  await using one = await startLimited(root, served);
  await using two = await startLimited(root, served);
  const alone = await fetchFile(root, served.rootfs, [one.url]);
  const both = await fetchFile(root, served.rootfs, [one.url, two.url]);
  return alone.elapsedMs / both.elapsedMs;
}

/** A provider that sends so much a second, in a process of its own. */
async function startLimited(
  root: string,
  { rootfs, path, url }: Awaited<ReturnType<typeof serveImage>>,
) {
  const list = join(root, `list-${crypto.randomUUID()}`);
  const sha256 = rootfs.pieces?.sha256 ?? "";
  const blob = await fetch(new URL(`/blobs/sha256/${sha256}`, url));
  await Deno.writeFile(list, await blob.bytes());
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-prompt", programAt("blob_server"), String(RATE)],
      ...[path, rootfs.sha256, list, sha256],
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
