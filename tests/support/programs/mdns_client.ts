/**
 * Asks for an image, for tests in network namespaces: `IMAGE DURATION_MS`.
 * Prints a JSON line for each finding, with the milliseconds since it asked,
 * and ends when time is up, or with the first candidate where a third argument
 * is `first`.
 */
import { createMdnsSource } from "../../../lib/discover/mdns_source.ts";
import { imageOf } from "../sample_images.ts";

const [image = "", durationMs = "0", when = ""] = Deno.args;
const startMs = performance.now();
const stop = new AbortController();
setTimeout(() => stop.abort(), Number(durationMs));
const source = createMdnsSource({ interfaces: [] });
const options = { signal: stop.signal };
for await (const finding of source.find(imageOf(image), options)) {
  const ms = Math.round(performance.now() - startMs);
  const line = JSON.stringify({ ms, ...finding });
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
  if (when === "first" && finding.kind === "candidate") break;
}
Deno.exit(0);
