/**
 * Clients that all start within a moment: `IMAGE COUNT WITHIN_MS`. Prints how
 * many milliseconds each took to find the image, null for not at all.
 */
import { createMdnsSource } from "../../../lib/discover/mdns_source.ts";
import { imageOf } from "../sample_images.ts";

const [image = "", count = "0", withinMs = "0"] = Deno.args;

async function search(afterMs: number): Promise<number | null> {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  const startMs = performance.now();
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 3000);
  const source = createMdnsSource({ interfaces: [] });
  const options = { signal: stop.signal };
  try {
    for await (const finding of source.find(imageOf(image), options)) {
      if (finding.kind === "candidate") {
        return Math.round(performance.now() - startMs);
      }
    }
    return null;
  } finally {
    clearTimeout(timer);
  }
}

const times = await Promise.all(
  Array.from(
    { length: Number(count) },
    (_, i) => search(i * Number(withinMs) / Number(count)),
  ),
);
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(times)}\n`));
Deno.exit(0);
