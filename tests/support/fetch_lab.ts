/** An image to fetch, a directory for it, and what happened meanwhile. */
import { join } from "node:path";
import { fetchDisk } from "../../lib/cli/fetch_disk.ts";
import { systemClock } from "../../lib/core/clock.ts";
import {
  type FetchEvent,
  fetchImage,
  type FetchImageOptions,
  type FetchSource,
  type FileToFetch,
} from "../../lib/fetch/fetch_image.ts";
import { openHttpClient } from "../../lib/net/http1/get.ts";
import { sha256Hex } from "./blob_server.ts";
import { temporaryDirectory } from "./programs.ts";

/** Bytes that are the same each time, and no two stretches alike. */
export function seededBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** A file as a manifest promises it. */
export function promised(path: string, bytes: Uint8Array): FileToFetch {
  return { path, sha256: sha256Hex(bytes), sizeBytes: bytes.length };
}

/** The same with pieces, and their list. */
export function promisedPieces(
  path: string,
  bytes: Uint8Array,
  pieceBytes: number,
): { readonly file: FileToFetch; readonly list: Uint8Array } {
  const count = Math.ceil(bytes.length / pieceBytes);
  const list = new Uint8Array(count * 32);
  for (let i = 0; i < count; i++) {
    const piece = bytes.subarray(i * pieceBytes, (i + 1) * pieceBytes);
    list.set(Uint8Array.fromHex(sha256Hex(piece)), i * 32);
  }
  const pieces = { sizeBytes: pieceBytes, sha256: sha256Hex(list) };
  return { file: { ...promised(path, bytes), pieces }, list };
}

/** A provider at a server. */
export function sourceAt(
  { url }: { readonly url: URL },
  name = url.host,
): FetchSource {
  return { manifestUrl: new URL("/stable/arm64/manifest.json", url), name };
}

const MANIFEST = {
  name: "manifest.json",
  bytes: new TextEncoder().encode("signed"),
};

/** Fetches into a directory of its own, again and again. */
export class FetchLab implements AsyncDisposable {
  /** Of the image. */
  readonly directory: string;
  /** Since the last fetch began. */
  events: FetchEvent[] = [];
  readonly #root: AsyncDisposable & { readonly path: string };

  private constructor(root: AsyncDisposable & { readonly path: string }) {
    this.#root = root;
    this.directory = join(root.path, "stable", "arm64");
  }

  static async open(): Promise<FetchLab> {
    return new FetchLab(await temporaryDirectory());
  }

  /** What is in the directory above the image's, dot files too. */
  async around(): Promise<string[]> {
    const entries = await fetchDisk.list(join(this.#root.path, "stable"));
    return entries.map(({ name }) => name).sort();
  }

  async fetch(
    options:
      & Pick<FetchImageOptions, "files" | "sources">
      & Partial<FetchImageOptions>,
    { signal = new AbortController().signal }: { signal?: AbortSignal } = {},
  ): ReturnType<typeof fetchImage> {
    this.events = [];
    using client = openHttpClient();
    return await fetchImage({
      extras: [MANIFEST],
      directory: this.directory,
      disk: fetchDisk,
      clock: systemClock,
      httpGet: client.get,
      ...options,
      onEvent: (event) => {
        this.events.push(event);
        options.onEvent?.(event);
      },
    }, { signal });
  }

  /** Whether a file of the image has this content. */
  async has(path: string, bytes: Uint8Array): Promise<boolean> {
    return sha256Hex(await this.read(path)) === sha256Hex(bytes);
  }

  async read(path: string): Promise<Uint8Array> {
    return await Deno.readFile(join(this.directory, path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#root[Symbol.asyncDispose]();
  }
}
