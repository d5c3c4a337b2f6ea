import assert from "node:assert/strict";
import { openMdnsAdvertiser } from "../../lib/advertise/mdns_advertiser.ts";
import { createMdnsSource } from "../../lib/discover/mdns_source.ts";
import type { Finding } from "../../lib/discover/source.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { advertisementOf, imageOf } from "../support/sample_images.ts";

/** Other tests and programs use the same loopback: a name of our own. */
const IMAGE = `loop${Deno.pid}/arm64`;

/** Takes findings until one is wanted, or time is up. */
async function firstCandidate(image: string): Promise<Finding | undefined> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 5000);
  const source = createMdnsSource({ interfaces: ["lo"] });
  const options = { signal: stop.signal };
  try {
    for await (const finding of source.find(imageOf(image), options)) {
      if (finding.kind === "candidate") return finding;
    }
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

Deno.test("mDNS on real sockets: published, found, withdrawn", async () => {
  const { signal } = new AbortController();
  await using advertiser = await openMdnsAdvertiser({
    logger: new MemoryLogger(),
    interfaces: ["lo"],
    hostName: `lab${Deno.pid}`,
    port: 8080,
  });
  const published = await advertiser.publish(advertisementOf(IMAGE), {
    signal,
  });
  assert.deepEqual(published, { ok: true, value: undefined });

  const finding = await firstCandidate(IMAGE);

  assert.ok(finding?.kind === "candidate");
  assert.equal(
    finding.candidate.manifestUrl.href,
    `http://127.0.0.1:8080/${IMAGE}/manifest.json`,
  );
});
