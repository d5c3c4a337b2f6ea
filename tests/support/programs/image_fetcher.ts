/**
 * Fetches a file whose promise is given as JSON: `{directory, file, urls}`, and
 * prints how that went: `{problem, receivedBytes, elapsedMs, peakMib}`.
 */
import { fetchDisk } from "../../../lib/cli/fetch_disk.ts";
import { systemClock } from "../../../lib/core/clock.ts";
import { fetchImage } from "../../../lib/fetch/fetch_image.ts";
import { openHttpClient } from "../../../lib/net/http1/get.ts";

const [order = ""] = Deno.args;
const { directory, file, urls } = JSON.parse(order);
const startMs = performance.now();
using client = openHttpClient();
const fetched = await fetchImage({
  files: [file],
  extras: [],
  sources: urls.map((url: string) => ({
    manifestUrl: new URL(url),
    name: url,
  })),
  directory,
  disk: fetchDisk,
  clock: systemClock,
  httpGet: client.get,
}, new AbortController());
const elapsedMs = performance.now() - startMs;
const status = await Deno.readTextFile("/proc/self/status");
const report = {
  ...fetched.ok ? fetched.value : { problem: fetched.reason.message },
  elapsedMs,
  peakMib: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024,
};
await Deno.stdout.write(
  new TextEncoder().encode(`${JSON.stringify(report)}\n`),
);
