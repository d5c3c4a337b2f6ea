import { dirname, join } from "node:path";

/** Writes files of random bytes, making the directories above them. */
export async function makeFiles(
  root: string,
  files: Readonly<Record<string, number | string>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(
      path,
      typeof content === "string"
        ? new TextEncoder().encode(content)
        : randomBytes(content),
    );
  }
}

/** The specification's test tree under other channel names. */
export async function makeSpecificationTree(
  root: string,
  [stable, testing]: readonly [string, string],
): Promise<void> {
  await makeFiles(root, {
    [`${stable}/arm64/vmlinuz`]: 1 << 20,
    [`${testing}/arm64/vmlinuz`]: 1 << 20,
  });
  for (const channel of [stable, testing]) {
    await Deno.mkdir(join(root, channel, "x86_64"), { recursive: true });
  }
}

function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let done = 0; done < count; done += 65536) {
    crypto.getRandomValues(bytes.subarray(done, done + 65536));
  }
  return bytes;
}
