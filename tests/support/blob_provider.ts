/** Providers of an image that are found by mDNS, and can do wrong. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { manifestPath } from "../../lib/core/channel_arch.ts";
import {
  type BlobServer,
  type BlobServerOptions,
  fileAt,
  fileOf,
  openBlobServer,
  type ServedFile,
} from "./blob_server.ts";
import { advertiseOnLan } from "./lan_server.ts";
import type { OwnedImage } from "./owned_image.ts";

const MIB = 1024 * 1024;

/** Writes a file no mebibyte of which is like another, without holding it. */
export async function writeLargeFile(
  path: string,
  sizeBytes: number,
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const bytes = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  for (let i = 0; i < sizeBytes / MIB; i++) {
    new DataView(bytes.buffer).setUint32(0, i);
    await file.write(bytes);
  }
}

/** The SHA-256 of a file's pieces, one after the other. */
async function pieceListOf(
  file: ServedFile,
  pieceBytes: number,
): Promise<Uint8Array> {
  const digests: string[] = [];
  for (let at = 0; at < file.sizeBytes; at += pieceBytes) {
    const length = Math.min(pieceBytes, file.sizeBytes - at);
    const piece = await file.read(at, length);
    digests.push(createHash("sha256").update(piece).digest("hex"));
  }
  return Uint8Array.fromHex(digests.join(""));
}

/** What a provider of an image serves: its blobs, and its manifest. */
export async function filesOf(
  { image, directory, manifest }: OwnedImage,
): Promise<Map<string, ServedFile>> {
  const files = new Map([[manifestPath(image), fileOf(manifest)]]);
  const { artifacts } = JSON.parse(new TextDecoder().decode(manifest));
  const { dtbs = {}, files: others = {}, ...roles } = artifacts;
  for (
    const { filename, hash, pieces } of Object.values<{
      filename: string;
      hash: string;
      pieces?: { size: number; hash: string };
    }>({ ...roles, ...dtbs, ...others })
  ) {
    const file = await fileAt(join(directory, filename));
    files.set(`/blobs/sha256/${hash.slice(7)}`, file);
    if (pieces === undefined) continue;
    const list = await pieceListOf(file, pieces.size);
    files.set(`/blobs/sha256/${pieces.hash.slice(7)}`, fileOf(list));
  }
  return files;
}

/** Serves an image and advertises it on loopback. */
export async function openBlobProvider(
  name: string,
  { image }: OwnedImage,
  options: BlobServerOptions,
): Promise<BlobServer> {
  const server = openBlobServer(options);
  const { port } = server.url;
  const advertised = await advertiseOnLan(name, image, Number(port));
  return {
    url: server.url,
    requests: server.requests,
    get sentBytes() {
      return server.sentBytes;
    },
    async [Symbol.asyncDispose]() {
      await advertised[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
