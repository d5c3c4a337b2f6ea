import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import { digestFile, readContent } from "../../lib/scan/digest.ts";
import { percentile } from "../sim/percentile.ts";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";
import {
  type Contest,
  OURS,
  type Part,
  type Row,
  single,
  sleep,
  takeTurns,
  timed,
} from "./part.ts";
import { lacks, output, writeRandomFile } from "./processes.ts";

const MIB = 1 << 20;
const FILE_BYTES = 1024 * MIB;
/** Read by a provider, once alone and once while it answers. */
const ARTIFACT_BYTES = 2048 * MIB;
const IDLE_MS = 3000;
const [CHANNEL, ARCH] = ["bench-hash", "x86_64"] as const;

/** How fast artifacts are digested, beside openssl, and what that holds up. */
export const hashPart: Part = {
  name: "hash",
  budgetSeconds: 80,
  async run(limit) {
    await using directory = await temporaryDirectory();
    const rows = await takeTurns(await contests(directory.path), limit);
    const [withoutMs, withMs] = rows.map(({ ours = NaN }) => ours);
    const ratio = (withoutMs ?? NaN) / (withMs ?? NaN);
    return [
      ...rows,
      single("digests with pieces to digests without", "times as long", ratio),
      ...await byProvider(),
    ];
  },
};

/** A file in memory, by the functions that a provider reads it with. */
async function contests(directory: string): Promise<Contest[]> {
  const path = join(directory, "rootfs.img");
  await writeRandomFile(path, FILE_BYTES);
  const file = { filename: "rootfs.img", path, info: await disk.stat(path) };
  const { signal } = new AbortController();
  const rate = async (run: () => Promise<unknown>) =>
    FILE_BYTES / MIB / (await timed(run) / 1000);
  const why = await lacks("openssl");
  const theirs = why === undefined
    ? {
      openssl: () => rate(() => output(["openssl", "dgst", "-sha256", path])),
    }
    : {};
  return [
    {
      name: "SHA-256 of 1 GiB",
      unit: "MiB/s",
      programs: {
        [OURS]: () => rate(() => readContent(file, disk, { signal })),
        ...theirs,
      },
      skipped: { ...why !== undefined && { openssl: why } },
    },
    {
      name: "SHA-256 of 1 GiB and of its pieces",
      unit: "MiB/s",
      programs: {
        [OURS]: () => rate(() => digestFile(file, disk, { signal })),
      },
    },
  ];
}

async function byProvider(): Promise<Row[]> {
  await using directory = await temporaryDirectory();
  const artifacts = join(directory.path, "artifacts");
  const image = join(artifacts, CHANNEL, ARCH);
  await makeFiles(artifacts, { [`${CHANNEL}/${ARCH}/vmlinuz`]: MIB });
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", artifacts, "--channel", CHANNEL],
    ...["--arch", ARCH, "--interface", "lo", "--port", "0", "--no-dht"],
    ...["--no-mdns", "--state-dir", join(directory.path, "state")],
  ]);
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(new RegExp(`Serving ${CHANNEL}/${ARCH}`));
  const manifest = `${url}/${CHANNEL}/${ARCH}/manifest.json`;
  const idle = await requestTimes(manifest, sleep(IDLE_MS));
  const add = async (name: string) => {
    const next = join(directory.path, "next");
    await writeRandomFile(next, ARTIFACT_BYTES);
    await Deno.rename(next, join(image, name));
  };
  await add("rootfs.img");
  const mibPerSecond = await readingRate(provider.pid);
  await add("initramfs.img");
  const busy = await requestTimes(manifest, readingRate(provider.pid));
  return [
    single("a new artifact is read", "MiB/s", mibPerSecond),
    single("manifests of an idle provider, p99", "ms", percentile(idle, 0.99)),
    single("manifests while it is read, p99", "ms", percentile(busy, 0.99)),
  ];
}

/** From the first mebibyte that a process reads to the last of an artifact. */
async function readingRate(pid: number): Promise<number> {
  const readBytes = async () => {
    const io = await Deno.readTextFile(`/proc/${pid}/io`);
    return Number(/rchar: (\d+)/.exec(io)?.[1]);
  };
  const before = await readBytes();
  const waitFor = async (countBytes: number) => {
    while (await readBytes() < before + countBytes) await sleep(5);
    return performance.now();
  };
  const startMs = await waitFor(MIB);
  const endMs = await waitFor(ARTIFACT_BYTES);
  return ARTIFACT_BYTES / MIB / ((endMs - startMs) / 1000);
}

/** Asks one after the other, until told to stop. */
async function requestTimes(
  url: string,
  until: Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  let isOver = false;
  const stop = () => isOver = true;
  until.then(stop, stop);
  while (!isOver) {
    times.push(await timed(async () => (await fetch(url)).arrayBuffer()));
    await sleep(2);
  }
  await until;
  return times;
}
