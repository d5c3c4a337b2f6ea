/**
 * Watches the files of an image by their last names: `{directory, files}` as
 * JSON, the SHA-256 that each may have. Prints each that has another, and, when
 * its standard input ends, how many times a file was read.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

const [order = ""] = Deno.args;
const { directory, files } = JSON.parse(order) as {
  readonly directory: string;
  readonly files: Readonly<Record<string, readonly string[]>>;
};
const print = (line: string) =>
  Deno.stdout.write(new TextEncoder().encode(`${line}\n`));

/** @returns undefined while there is none */
async function sha256Of(path: string): Promise<string | undefined> {
  try {
    const hash = createHash("sha256");
    using file = await Deno.open(path);
    for await (const bytes of file.readable) hash.update(bytes);
    return hash.digest("hex");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.BadResource) return undefined;
    throw error;
  }
}

let isOver = false;
const ending = Deno.stdin.readable.pipeTo(new WritableStream())
  .then(() => isOver = true);
const seen = new Map<string, string>();
let reads = 0;
while (!isOver) {
  for (const [name, expected] of Object.entries(files)) {
    const path = join(directory, name);
    const info = await Deno.stat(path).catch(() => undefined);
    const identity = `${info?.dev}:${info?.ino}:${info?.size}:${info?.mtime}`;
    if (info === undefined || seen.get(name) === identity) continue;
    seen.set(name, identity);
    const sha256 = await sha256Of(path);
    if (sha256 === undefined) continue;
    reads++;
    if (!expected.includes(sha256)) await print(`wrong ${name} ${sha256}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 2));
}
await ending;
await print(`read ${reads}`);
