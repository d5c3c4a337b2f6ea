import { createHash } from "node:crypto";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readTar } from "./tar.ts";

/** Deno for one architecture, as npm has it. */
export interface DenoRuntime {
  /** As Debian calls it. */
  readonly architecture: "amd64" | "arm64";
  /** Of the package of npm. */
  readonly name: string;
  /** Of Deno. */
  readonly version: string;
  /** Of the package: `sha512-` and base64. */
  readonly integrity: string;
}

/** What the packages for Debian carry. A newer Deno means new hashes, too. */
export const DENO_RUNTIMES: readonly DenoRuntime[] = [
  {
    architecture: "amd64",
    name: "@deno/linux-x64-glibc",
    version: "2.9.5",
    integrity:
      "sha512-TDqcnoLe3jlgqYEQm7H7MK6q0JOth+o8iSZzknRODnVkJfPiNnjVn1M1Zc6vnp+ipkyb6Av1/CUlHgHtlq59Gw==",
  },
  {
    architecture: "arm64",
    name: "@deno/linux-arm64-glibc",
    version: "2.9.5",
    integrity:
      "sha512-IuYjsz9PGl7CJcNXMuN27KNDB8Q40brK3SG3l+TXMDVW61ZKwcn0fQHBHnXFiiygEwI8by/fKnASEluhZB1atw==",
  },
];

/**
 * The executable `deno`, from npm by its client, which knows the registry of
 * the machine and keeps what it has downloaded.
 *
 * @throws Error that names the package, when it cannot be had or is another one
 */
export async function downloadDeno(
  { name, version, integrity }: DenoRuntime,
): Promise<Uint8Array<ArrayBuffer>> {
  const directory = await Deno.makeTempDir();
  try {
    const { success, stdout, stderr } = await new Deno.Command("npm", {
      args: [
        ...["pack", "--json", "--prefer-offline"],
        ...["--pack-destination", directory, `${name}@${version}`],
      ],
      cwd: directory,
    }).output();
    const text = new TextDecoder();
    if (!success) {
      throw new Error(
        `npm cannot get ${name}@${version}: ${text.decode(stderr)}`,
      );
    }
    const [{ filename }] = JSON.parse(text.decode(stdout));
    const archive = await Deno.readFile(join(directory, filename));
    return executableIn(archive, { name, integrity });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Exported for its test. */
export function executableIn(
  archive: Uint8Array<ArrayBuffer>,
  { name, integrity }: Pick<DenoRuntime, "name" | "integrity">,
): Uint8Array<ArrayBuffer> {
  const digest = createHash("sha512").update(archive).digest("base64");
  if (`sha512-${digest}` !== integrity) {
    throw new Error(
      `${name} is not what tools/release/deno_runtime.ts names: sha512-${digest}`,
    );
  }
  const executable = readTar(gunzipSync(archive)).get("package/deno");
  if (executable === undefined) throw new Error(`${name} has no deno`);
  return executable;
}
