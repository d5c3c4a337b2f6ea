/**
 * Serves files by the names that their contents have: `RATE PATH SHA256...`,
 * bytes per second over all connections (0: as fast as it can). Prints its port.
 */
import { fileAt, openBlobServer, type ServedFile } from "../blob_server.ts";

const [rate, ...named] = Deno.args;
const files = new Map<string, ServedFile>();
for (let at = 0; at < named.length; at += 2) {
  const [path = "", sha256] = named.slice(at, at + 2);
  files.set(`/blobs/sha256/${sha256}`, await fileAt(path));
}
const server = openBlobServer({
  files,
  ...Number(rate) > 0 && { bytesPerSecond: Number(rate) },
});
await Deno.stdout.write(new TextEncoder().encode(`${server.url.port}\n`));
