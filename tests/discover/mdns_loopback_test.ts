import assert from "node:assert/strict";
import {
  type MdnsAdvertiser,
  openMdnsAdvertiser,
} from "../../lib/advertise/mdns_advertiser.ts";
import { createMdnsSource } from "../../lib/discover/mdns_source.ts";
import type { Candidate } from "../../lib/discover/source.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { advertisementOf, imageOf } from "../support/sample_images.ts";

// Other tests and programs use the same loopback: names of our own.
const IMAGE = `loop${Deno.pid}/arm64`;
const HOST_NAME = `loop${Deno.pid}`;
const { signal } = new AbortController();

function open(port: number, logger = new MemoryLogger()) {
  const options = { logger, interfaces: ["lo"], hostName: HOST_NAME, port };
  return openMdnsAdvertiser(options);
}

/** Takes candidates until there are as many as wanted, or time is up. */
async function candidates(
  wanted: number,
  timeoutMs: number,
): Promise<Candidate[]> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  const source = createMdnsSource({ interfaces: ["lo"] });
  const found: Candidate[] = [];
  const options = { signal: stop.signal };
  for await (const finding of source.find(imageOf(IMAGE), options)) {
    if (finding.kind === "candidate") found.push(finding.candidate);
    if (found.length === wanted) break;
  }
  clearTimeout(timer);
  return found;
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}/${IMAGE}/manifest.json`;
}

async function publish(advertiser: MdnsAdvertiser, version = "2026.1") {
  const published = await advertiser.publish(
    advertisementOf(IMAGE, version),
    { signal },
  );
  assert.deepEqual(published, { ok: true, value: undefined });
}

Deno.test("mDNS on loopback: published, found, updated, withdrawn", async () => {
  await using advertiser = await open(8080);
  await publish(advertiser);
  const [first] = await candidates(1, 5000);
  assert.equal(first?.manifestUrl.href, urlOf(8080));
  assert.equal(first.version, "2026.1");

  await publish(advertiser, "2027.1");
  const [second] = await candidates(1, 5000);
  assert.equal(second?.version, "2027.1");

  await advertiser.withdraw(imageOf(IMAGE));
  assert.deepEqual(await candidates(1, 300), []);
});

Deno.test("mDNS on loopback: two providers started together take different names, and both are found", async () => {
  const logger = new MemoryLogger();
  await using one = await open(8081, logger);
  await using two = await open(8082, logger);
  await Promise.all([publish(one), publish(two)]);
  const found = await candidates(2, 5000);
  assert.deepEqual(
    found.map((candidate) => candidate.manifestUrl.href).sort(),
    [urlOf(8081), urlOf(8082)],
  );
  const renamed = logger.lines.filter((line) =>
    line.endsWith(
      `trying phase-${
        IMAGE.replace("/", "-")
      }-${HOST_NAME}-2._phase-image._tcp.local`,
    )
  );
  assert.equal(renamed.length, 1, logger.lines.join("\n"));
});

Deno.test({
  name: "mDNS on loopback: 200 searches leave no socket open",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const openFiles = () => [...Deno.readDirSync("/proc/self/fd")].length;
    await using advertiser = await open(8080);
    await publish(advertiser);
    await candidates(1, 5000);
    const before = openFiles();
    for (let i = 0; i < 200; i++) {
      assert.equal((await candidates(1, 5000)).length, 1);
    }
    // Test files that run at the same time share the process and its files;
    // a leak would be of one file a search.
    assert.ok(openFiles() < before + 100, `${before} -> ${openFiles()}`);
  },
});

Deno.test("mDNS on loopback: 40 clients at once all find it", async () => {
  await using advertiser = await open(8080);
  await publish(advertiser);
  const found = await Promise.all(
    Array.from({ length: 40 }, () => candidates(1, 5000)),
  );
  assert.equal(found.filter(({ length }) => length === 1).length, 40);
});
