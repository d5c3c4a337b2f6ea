import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type ChannelArch,
  formatChannelArch,
} from "../../lib/core/channel_arch.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { makeFiles } from "./image_tree.ts";
import { run } from "./programs.ts";

/** Writes private keys as files that only their owner can read. */
export async function writeKeys(
  directory: string,
  keys: Readonly<Record<string, SigningKey>>,
): Promise<void> {
  for (const [name, key] of Object.entries(keys)) {
    const path = join(directory, name);
    await Deno.writeTextFile(path, await key.toPem(), { mode: 0o600 });
  }
}

/**
 * Makes an image below `artifacts/` and signs it as its owner would: with
 * `plasmd manifest generate` and `plasmd manifest sign`.
 *
 * @param keyPaths files of the keys that sign
 * @returns the path of the manifest
 */
export async function makeSignedImage(
  root: string,
  image: ChannelArch,
  keyPaths: readonly string[],
): Promise<string> {
  const artifacts = join(root, "artifacts");
  const name = formatChannelArch(image);
  await makeFiles(artifacts, { [`${name}/vmlinuz`]: 100_000 });
  await runWell([
    ...["manifest", "generate", "--artifacts", artifacts],
    ...["--channel", image.channel, "--arch", image.arch],
  ]);
  const manifest = join(artifacts, name, "manifest.json");
  await runWell([
    ...["manifest", "sign", manifest],
    ...keyPaths.flatMap((path) => ["--key", path]),
  ]);
  return manifest;
}

/** Runs `plasmd`, which must end well. */
export async function runWell(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run("plasmd", args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Turns one bit of the byte in the middle of a file. */
export async function flipBit(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, withFlippedBit(bytes, bytes.length >> 1));
}

/** A copy in which the lowest bit of one byte is another. */
export function withFlippedBit(
  bytes: Uint8Array,
  index: number,
): Uint8Array<ArrayBuffer> {
  const flipped = new Uint8Array(bytes);
  flipped[index] = (flipped[index] ?? 0) ^ 1;
  return flipped;
}
