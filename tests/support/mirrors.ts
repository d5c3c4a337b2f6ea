import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type ChannelArch,
  formatChannelArch,
  manifestPath,
} from "../../lib/core/channel_arch.ts";
import type {
  MirrorDocument,
  StatusDocument,
} from "../../lib/http/status/status_json.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { type RunningProgram, start } from "./programs.ts";

/** Other tests share the loopback's multicast: a channel of our own. */
export function imageOf(channel: string): ChannelArch {
  return { channel: `${channel}-${Deno.pid}`, arch: "arm64" };
}

/** A program that serves, and where. */
export interface Serving extends AsyncDisposable {
  readonly program: RunningProgram;
  /** Without a slash at the end. */
  readonly url: string;
}

/** Waits until a program serves. */
export async function serving(program: RunningProgram): Promise<Serving> {
  const [, url = ""] = await program.line(/Serving on (\S+)/);
  return {
    program,
    url,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

function commonArguments(
  directory: string,
  { channel, arch }: ChannelArch,
): string[] {
  return [
    ...["--artifacts", join(directory, "artifacts")],
    ...["--state-dir", join(directory, "state")],
    ...["--channel", channel, "--arch", arch],
    ...["--interface", "lo"],
  ];
}

/** By mDNS alone, unless a test wants the DHT. */
function wayOf(more: readonly string[]): string[] {
  return more.includes("--p2p-port") ? [] : ["--no-dht"];
}

/** Starts the owner's own provider, which signs with `owner.pem`. */
export async function startOwner(
  directory: string,
  image: ChannelArch,
  key: SigningKey,
  more: readonly string[] = [],
): Promise<Serving> {
  const path = join(directory, "owner.pem");
  await Deno.writeTextFile(path, await key.toPem(), { mode: 0o600 });
  return await serving(start("plasmd", [
    ...["serve", ...commonArguments(directory, image), "--port", "0"],
    ...["--signing-key", path, ...wayOf(more), ...more],
  ]));
}

/** Starts a mirror that trusts what the further arguments say. */
export async function startMirror(
  directory: string,
  image: ChannelArch,
  more: readonly string[],
  options: { readonly prefix?: readonly string[] } = {},
): Promise<Serving> {
  return await serving(start("plasmd", [
    ...["mirror", ...commonArguments(directory, image)],
    ...more.includes("--port") ? [] : ["--port", "0"],
    ...more.includes("--every") ? [] : ["--every", "3s"],
    ...wayOf(more),
    ...more,
  ], options));
}

/** Puts a kernel where an owner has one, whole from the first moment on. */
export async function putKernel(
  directory: string,
  image: ChannelArch,
  bytes: Uint8Array,
): Promise<void> {
  const path = join(directory, "artifacts", formatChannelArch(image));
  await Deno.mkdir(path, { recursive: true });
  await Deno.writeFile(join(path, "vmlinuz.tmp"), bytes);
  await Deno.rename(join(path, "vmlinuz.tmp"), join(path, "vmlinuz"));
}

/** The manifest that a provider serves; undefined: none. */
export async function manifestAt(
  url: string,
  image: ChannelArch,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const answer = await fetch(`${url}${manifestPath(image)}`);
  const bytes = await answer.bytes();
  return answer.status === 200 ? bytes : undefined;
}

/** What a manifest says of its kernel. */
export function kernelOf(
  manifest: Uint8Array,
): { readonly version: number; readonly sha256: string } {
  const { manifest_version, artifacts } = JSON.parse(
    new TextDecoder().decode(manifest),
  );
  return {
    version: manifest_version,
    sha256: artifacts.kernel.hash.replace("sha256:", ""),
  };
}

/** How a mirror says it stands. */
export async function mirrorStatus(url: string): Promise<MirrorDocument> {
  const status: StatusDocument = await (await fetch(`${url}/status`)).json();
  const [mirror] = status.mirror ?? [];
  assert.ok(mirror, "no mirror");
  return mirror;
}

/**
 * Looks again and again.
 *
 * @returns what was looked for
 * @throws when it does not come in a time that is generous
 */
export async function eventually<T>(
  look: () => Promise<T | undefined | false>,
  withinMs = 30_000,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  while (performance.now() < endMs) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`it did not come within ${withinMs} ms: ${look}`);
}
