/**
 * Downloads while what is served is touched, copied, overwritten, replaced and
 * mounted over: no body may differ from its hash, and no image that was never
 * removed may be 404. `deno task soak:downloads 8000` prints JSON, and exits with
 * 1 when one did.
 */
import { join } from "node:path";
import { sha256Hex } from "../support/memory_catalog.ts";
import { mountObstacle, Mounts } from "../support/mounts.ts";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

const CLIENTS = 20;
const CHANGE_INTERVAL_MS = 400;
const RETRY_MS = 100;
/** So that the downloads are spread over the changes. */
const MEAN_PAUSE_MS = 250;
const SIZE_BYTES = 300_000;
const ARCH = "x86_64";
/** Of plain files, and of a squashfs. */
const FILES = "files";
const MOUNTED = "mounted";
const NAMES = { kernel: "vmlinuz", initramfs: "initrd.img" } as const;
const ROLES = ["kernel", "initramfs"] as const;

/** What came of the downloads. */
export interface DownloadReport {
  /** Whole bodies and ranges that were held against their hash. */
  readonly downloads: number;
  readonly ranges: number;
  /** Told to come again. */
  readonly unavailable: number;
  /** Broken off, since the file changed while it was sent. */
  readonly broken: number;
  /** Blobs that no manifest named any more when they were asked for. */
  readonly gone: number;
  readonly changes: Readonly<Record<string, number>>;
  readonly mounts: string;
  readonly seconds: number;
  /** What must not be. */
  readonly problems: readonly string[];
}

/** A tree that changes, and everything that was ever in it. */
class Tree {
  readonly root: string;
  readonly mounts: Mounts | undefined;
  /** By SHA-256. */
  readonly contents = new Map<string, Uint8Array<ArrayBuffer>>();
  #isStacked = false;
  #isSecond = false;

  constructor(root: string, mounts: Mounts | undefined) {
    this.root = root;
    this.mounts = mounts;
  }

  path(channel: string, name: string): string {
    return join(this.root, "artifacts", channel, ARCH, name);
  }

  /** Random bytes that are remembered. */
  async content(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(SIZE_BYTES);
    for (let at = 0; at < SIZE_BYTES; at += 65536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65536));
    }
    this.contents.set(await sha256Hex(bytes), bytes);
    return bytes;
  }

  async make(): Promise<void> {
    await Deno.mkdir(this.path(FILES, ""), { recursive: true });
    for (const name of Object.values(NAMES)) {
      await Deno.writeFile(this.path(FILES, name), await this.content());
    }
    if (this.mounts === undefined) return;
    await Deno.mkdir(this.path(MOUNTED, ""), { recursive: true });
    for (const image of ["A", "B"]) {
      await Deno.mkdir(join(this.root, image));
      for (const name of Object.values(NAMES)) {
        await Deno.writeFile(
          join(this.root, image, name),
          await this.content(),
        );
      }
      await this.mounts.run("mksquashfs", [
        ...[join(this.root, image), this.#image(image), "-quiet"],
        ...["-all-time", "1700000000", "-all-root", "-no-progress"],
      ]);
    }
    await this.mounts.mount("-o", "loop,ro", ...this.#mountOf("A"));
  }

  #image(name: string): string {
    return join(this.root, `${name}.sqfs`);
  }

  #mountOf(name: string): string[] {
    return [this.#image(name), this.path(MOUNTED, "")];
  }

  /** Puts the other image in the place of the one, by two steps in a moment. */
  async remount(): Promise<void> {
    if (this.mounts === undefined || this.#isStacked) return;
    this.#isSecond = !this.#isSecond;
    const [image, place] = this.#mountOf(this.#isSecond ? "B" : "A");
    await this.mounts.run("sh", [
      "-c",
      `umount -l "${place}" && mount -o loop,ro "${image}" "${place}"`,
    ]);
  }

  /** Mounts the other image over the one, and takes it away the next time. */
  async stack(): Promise<void> {
    if (this.mounts === undefined) return;
    if (this.#isStacked) {
      await this.mounts.run("umount", ["-l", this.path(MOUNTED, "")]);
    } else {
      const other = this.#mountOf(this.#isSecond ? "A" : "B");
      await this.mounts.mount("-o", "loop,ro", ...other);
    }
    this.#isStacked = !this.#isStacked;
  }
}

/** What happens to a tree, one after the other. */
const CHANGES: Readonly<Record<string, (tree: Tree) => Promise<void>>> = {
  chmod: (tree) => Deno.chmod(tree.path(FILES, NAMES.kernel), 0o640),
  touch: (tree) => touch(tree.path(FILES, NAMES.initramfs)),
  stack: (tree) => tree.stack(),
  link: async (tree) => {
    const link = join(tree.root, "link");
    await Deno.link(tree.path(FILES, NAMES.kernel), link);
    await Deno.remove(link);
  },
  copy: (tree) => replace(tree, NAMES.initramfs, undefined),
  chmodBack: (tree) => Deno.chmod(tree.path(FILES, NAMES.kernel), 0o644),
  unstack: (tree) => tree.stack(),
  touchKernel: (tree) => touch(tree.path(FILES, NAMES.kernel)),
  renameOver: async (tree) =>
    await replace(tree, NAMES.kernel, await tree.content()),
  pause: () => pause(6 * CHANGE_INTERVAL_MS),
  // What is open by now: its old bytes are gone.
  overwriteOpen: (tree) => overwrite(tree, NAMES.kernel),
  remount: (tree) => tree.remount(),
  settleOverwritten: () => pause(6 * CHANGE_INTERVAL_MS),
  copyKernel: (tree) => replace(tree, NAMES.kernel, undefined),
  chmodAgain: (tree) => Deno.chmod(tree.path(FILES, NAMES.initramfs), 0o640),
  // The copy from before, while the file before that is open still.
  overwriteCopy: (tree) => overwrite(tree, NAMES.initramfs),
  settle: () => pause(8 * CHANGE_INTERVAL_MS),
};

const pause = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

async function touch(path: string): Promise<void> {
  await Deno.utime(path, new Date(), new Date());
}

async function overwrite(tree: Tree, name: string): Promise<void> {
  await Deno.writeFile(tree.path(FILES, name), await tree.content());
}

/** Renames other content over a file, or a copy of its own. */
async function replace(
  tree: Tree,
  name: string,
  content: Uint8Array | undefined,
): Promise<void> {
  const path = tree.path(FILES, name);
  const next = join(tree.root, "next");
  await Deno.writeFile(next, content ?? await Deno.readFile(path));
  await Deno.rename(next, path);
}

/** Clients that count what they meet. */
class Clients {
  readonly #url: string;
  readonly #tree: Tree;
  readonly #wanted: number;
  readonly count = {
    ...{ downloads: 0, ranges: 0, unavailable: 0, broken: 0, gone: 0 },
  };
  readonly problems: string[] = [];
  /** How often all changes have been made. */
  rounds = 0;

  constructor(url: string, tree: Tree, wanted: number) {
    this.#url = url;
    this.#tree = tree;
    this.#wanted = wanted;
  }

  get isDone(): boolean {
    return this.problems.length > 9 ||
      this.count.downloads >= this.#wanted && this.rounds > 0;
  }

  async run(): Promise<void> {
    const channels = this.#tree.mounts === undefined
      ? [FILES]
      : [FILES, MOUNTED];
    while (!this.isDone) {
      await pause(random(2 * MEAN_PAUSE_MS));
      const channel = channels[random(channels.length)] ?? FILES;
      const role = ROLES[random(ROLES.length)] ?? "kernel";
      const image = `/${channel}/${ARCH}`;
      const hashes = await this.#promised(image);
      const hash = hashes[role];
      if (hash === undefined) continue;
      const path = [
        `${image}/${role}`,
        `${image}/${NAMES[role]}`,
        `/blobs/sha256/${hash}`,
      ][random(3)] ?? "";
      await this.#download(path, image, { role, hash });
    }
  }

  async #promised(image: string): Promise<Record<string, string>> {
    const response = await fetch(`${this.#url}${image}/manifest.json`);
    const text = await response.text();
    if (response.status !== 200) {
      this.problems.push(`${image}/manifest.json: ${response.status} ${text}`);
      await pause(RETRY_MS);
      return {};
    }
    const { artifacts } = JSON.parse(text);
    return Object.fromEntries(ROLES.map((role) => [
      role,
      artifacts[role].hash.replace("sha256:", ""),
    ]));
  }

  async #download(
    path: string,
    image: string,
    { role, hash }: { readonly role: string; readonly hash: string },
  ): Promise<void> {
    const from = random(2) === 0 ? undefined : random(SIZE_BYTES);
    const headers: HeadersInit = from === undefined
      ? {}
      : { range: `bytes=${from}-` };
    const response = await fetch(`${this.#url}${path}`, { headers });
    const body = await response.bytes().catch(() => undefined);
    if (body === undefined) {
      this.count.broken++;
    } else if (response.status === 503) {
      this.count.unavailable++;
      if (!response.headers.has("retry-after")) {
        this.problems.push(`${path}: 503 without Retry-After`);
      }
      await pause(RETRY_MS);
    } else if (response.status === 404) {
      const isNamed = (await this.#promised(image))[role] === hash;
      if (path.startsWith("/blobs/") && !isNamed) this.count.gone++;
      else this.problems.push(`${path}: ${new TextDecoder().decode(body)}`);
    } else {
      const etag = response.headers.get("etag")?.replaceAll('"', "") ?? "";
      if (path.startsWith("/blobs/") && etag !== hash) {
        this.problems.push(`${path}: ETag ${etag}`);
      }
      const expected = this.#tree.contents.get(etag)?.subarray(from ?? 0);
      if (expected === undefined || !isEqual(body, expected)) {
        this.problems.push(`${path} from ${from}: not ${etag}`);
      } else if (etag !== hash) {
        await this.#expectPromise(path, image, role, etag);
      }
      this.count.downloads++;
      if (from !== undefined) this.count.ranges++;
    }
  }

  /** What another manifest than the one before has named is named after it. */
  async #expectPromise(
    path: string,
    image: string,
    role: string,
    etag: string,
  ): Promise<void> {
    const after = (await this.#promised(image))[role];
    // It may have changed twice; that all contents are known says enough then.
    if (after !== etag) this.count.gone++;
    if (after === undefined) this.problems.push(`${path}: no manifest`);
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length &&
    one.every((byte, index) => byte === other[index]);
}

const random = (below: number) => Math.floor(Math.random() * below);

function serve(tree: Tree): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(tree.root, "artifacts")],
    ...["--channel", FILES, ...tree.mounts ? ["--channel", MOUNTED] : []],
    ...["--arch", ARCH, "--interface", "lo", "--bind", "127.0.0.1"],
    ...["--port", "0", "--no-dht", "--no-mdns"],
    ...["--state-dir", join(tree.root, "state")],
  ], tree.mounts === undefined ? {} : { prefix: tree.mounts.prefix });
}

/** Downloads so often, by 20 clients, under one change after the other. */
export async function downloadUnderChange(
  wanted: number,
): Promise<DownloadReport> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryDirectory());
  const why = await mountObstacle(["mksquashfs"]);
  const mounts = why === undefined ? stack.use(new Mounts()) : undefined;
  const tree = new Tree(path, mounts);
  await tree.make();
  const provider = stack.use(serve(tree));
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(new RegExp(`Serving ${FILES}/`));
  if (mounts) await provider.line(new RegExp(`Serving ${MOUNTED}/`));
  const clients = new Clients(url, tree, wanted);
  const changes: Record<string, number> = {};
  const change = async () => {
    while (true) {
      for (const [name, run] of Object.entries(CHANGES)) {
        await pause(CHANGE_INTERVAL_MS);
        if (clients.isDone) return;
        await run(tree);
        changes[name] = (changes[name] ?? 0) + 1;
      }
      clients.rounds++;
    }
  };
  const startMs = performance.now();
  await Promise.all([
    change(),
    ...Array.from({ length: CLIENTS }, () => clients.run()),
  ]);
  return {
    ...clients.count,
    changes,
    mounts: why ?? "squashfs",
    seconds: Math.round((performance.now() - startMs) / 1000),
    problems: clients.problems,
  };
}

if (import.meta.main) {
  const wanted = Number(Deno.args[0] ?? 8000);
  if (!(wanted > 0)) throw new Error("Usage: deno task soak:downloads [COUNT]");
  const report = await downloadUnderChange(wanted);
  const text = `${JSON.stringify(report, null, 2)}\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
  Deno.exit(report.problems.length === 0 ? 0 : 1);
}
