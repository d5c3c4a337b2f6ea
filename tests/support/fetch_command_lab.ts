import { join } from "node:path";
import { makeOwnedImage, type OwnedImage } from "./owned_image.ts";
import {
  type Ended,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "./programs.ts";
import { testSigningKey } from "./signing_keys.ts";

/** Who signs the images of the labs. */
export const OWNER = await testSigningKey(31);
/** What a box is told that trusts him. */
export const KEY = ["--key", OWNER.publicKey.keyId];

/** An image to be fetched, and where to. */
export interface FetchCommandLab extends AsyncDisposable {
  /** Of all that the test writes. */
  readonly root: string;
  readonly owned: OwnedImage;
  /** For `--fetch`. */
  readonly out: string;
  /** Where the image is put. */
  readonly place: string;
}

/**
 * Makes an image, on a channel that is the test's alone.
 *
 * @param files as `makeFiles()` takes them
 */
export async function openLab(
  channel: string,
  files?: Parameters<typeof makeOwnedImage>[3],
): Promise<FetchCommandLab> {
  const { path: root, ...directory } = await temporaryDirectory();
  const owned = await makeOwnedImage(root, channel, OWNER, files);
  const out = join(root, "out");
  const place = join(out, owned.name);
  return { ...directory, root, owned, out, place };
}

/** `plasmd serve` without a key of its own; resolves when it can be found. */
export async function serve(
  { root, owned }: FetchCommandLab,
  artifacts = owned.artifacts,
  ...more: string[]
): Promise<RunningProgram> {
  const { channel, arch } = owned.image;
  const provider = start("plasmd", [
    ...["serve", "--artifacts", artifacts, "--interface", "lo", "--port", "0"],
    ...["--channel", channel, "--arch", arch, "--no-dht"],
    ...["--state-dir", join(root, "state", encodeURIComponent(artifacts))],
    ...more,
  ]);
  await provider.line(new RegExp(`Advertising ${owned.name}\n`));
  return provider;
}

/** Looks for the image. */
export function discover(
  { owned }: FetchCommandLab,
  ...more: string[]
): Promise<Ended> {
  const { channel, arch } = owned.image;
  return run("phase_discover", [
    ...["--interface", "lo", "--mode", "lan", "--channel", channel],
    ...["--arch", arch, ...more],
  ]);
}

/** Fetches it. */
export function fetchWith(
  lab: FetchCommandLab,
  ...more: string[]
): Promise<Ended> {
  return discover(lab, "--fetch", lab.out, ...more);
}

/** Every file below a directory, dot files and their directories too. */
export async function filesBelow(
  directory: string,
  prefix = "",
): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${prefix}${name}`;
    if (name.startsWith(".")) paths.push(path);
    if (!isDirectory) paths.push(path);
    else paths.push(...await filesBelow(join(directory, name), `${path}/`));
  }
  return paths.sort();
}

/** What is made beside the files of an image. */
export const BY_PRODUCTS = [
  ...["cmdline", "cmdline.resolved", "image.toml", "initrd.kexec"],
  "manifest.json",
];
