import assert from "node:assert/strict";
import {
  HOST_CLAIM,
  PublishedImages,
} from "../../lib/advertise/published_images.ts";
import type { DnsRecord } from "../../lib/net/dns/message.ts";
import { describeRecord } from "../support/mdns_messages.ts";
import { imageOf } from "../support/sample_images.ts";

const STABLE = imageOf("stable/arm64");
const INSTANCE = "phase-stable-arm64-lab._phase-image._tcp.local";

function publishedImages(): PublishedImages {
  return new PublishedImages({ hostName: "lab.example.org", port: 8080 });
}

/** The TXT record of an image as it is claimed on a link. */
function textRecord(images: PublishedImages, address = "10.0.0.1"): DnsRecord {
  const claim = images.claims(address, [address]).get("stable/arm64");
  return claim?.unique[1] ?? assert.fail("the image is not claimed");
}

Deno.test("PublishedImages claims nothing without an image, then the host's name and each image", () => {
  const images = publishedImages();
  assert.equal(images.isEmpty, true);
  assert.deepEqual(images.claims("10.0.0.1", ["10.0.0.1"]), new Map());

  images.set(STABLE, "2026.11");
  const claims = images.claims("10.0.0.1", ["10.0.0.1", "fd77::1"]);
  assert.deepEqual([...claims.keys()], [HOST_CLAIM, "stable/arm64"]);
  const records = [...claims.values()].flatMap(({ unique }) => unique);
  assert.deepEqual(records.map(describeRecord), [
    "A phase-lab.local 10.0.0.1 120 flush",
    "AAAA phase-lab.local fd77::1 120 flush",
    `SRV ${INSTANCE} phase-lab.local:8080 120 flush`,
    `TXT ${INSTANCE} txtvers=1 channel=stable arch=arm64 manifest=http://10.0.0.1:8080/stable/arm64/manifest.json version=2026.11 path=/stable/arm64/manifest.json 4500 flush`,
  ]);
});

Deno.test("PublishedImages refuses an image whose TXT record cannot be written", () => {
  const images = new PublishedImages({
    hostName: "lab",
    port: 8080,
    advertiseUrl: new URL(`http://h/${"x".repeat(250)}`),
  });
  const refused = images.set(STABLE, "1");
  assert.match(refused.ok ? "" : refused.reason, /"manifest" is \d+ bytes/);
  assert.equal(images.isEmpty, true);
});

Deno.test("PublishedImages takes the next name for a claim that lost its own, and gives it back when the image goes", () => {
  const images = publishedImages();
  images.set(STABLE, "1");
  const second = INSTANCE.replace("-lab", "-lab-2");
  assert.equal(images.rename("stable/arm64"), second);
  assert.equal(textRecord(images).name, second);
  assert.equal(images.rename(HOST_CLAIM), "phase-lab-2.local");
  assert.equal(images.rename("testing/arm64"), undefined);

  assert.equal(images.delete(STABLE), true);
  assert.equal(images.delete(STABLE), false);
  images.set(STABLE, "1");
  assert.equal(textRecord(images).name, INSTANCE);
});

Deno.test("PublishedImages keeps its name when only the version changes, and takes both records for its own", () => {
  const images = publishedImages();
  images.set(STABLE, "1");
  const before = textRecord(images);
  images.set(STABLE, "2");
  const after = textRecord(images);
  assert.equal(after.name, before.name);
  assert.deepEqual([before, after].map((r) => images.isOurs(r)), [true, true]);
  const others: DnsRecord = { ...after, name: `x-${after.name}` };
  assert.equal(images.isOurs(others), false);
});

Deno.test("PublishedImages remembers what it lately said, within a bound, and all that it says", () => {
  const images = publishedImages();
  images.set(STABLE, "0");
  const oldest = textRecord(images);
  for (let version = 1; version <= 1100; version++) {
    images.set(STABLE, `${version}`);
    textRecord(images);
  }
  assert.equal(images.isOurs(oldest), false);
  assert.equal(images.isOurs(textRecord(images)), true);

  // Far more than the bound of what was said lately.
  for (let i = 0; i < 1500; i++) images.set(imageOf(`c${i}/arm64`), "1");
  const all = [...images.claims("10.0.0.1", ["10.0.0.1"]).values()]
    .flatMap(({ unique }) => unique);
  assert.equal(all.length, 1 + 2 * 1501);
  assert.ok(all.every((record) => images.isOurs(record)));
});

Deno.test("PublishedImages gives the same claims as long as they are the same, and the old ones of what has not changed", () => {
  const images = publishedImages();
  for (let i = 0; i < 3; i++) images.set(imageOf(`c${i}/arm64`), "1");
  const claims = (...addresses: string[]) =>
    images.claims("10.0.0.1", addresses);
  const before = claims("10.0.0.1");
  assert.equal(claims("10.0.0.1"), before);
  images.set(imageOf("c1/arm64"), "2");
  const after = claims("10.0.0.1");
  const same = (id: string) => after.get(id) === before.get(id);
  assert.deepEqual(
    [HOST_CLAIM, "c0/arm64", "c1/arm64", "c2/arm64"].map(same),
    [true, true, false, true],
  );
  const withMore = claims("10.0.0.1", "10.0.0.9");
  assert.notEqual(withMore, after);
  assert.equal(withMore.get(HOST_CLAIM)?.unique.length, 2);
});

Deno.test("PublishedImages reserves names until images are set, and forgets the others", () => {
  const images = publishedImages();
  const gone = imageOf("gone/arm64");
  images.reserve([STABLE, gone]);
  const reserved = () =>
    [...images.claims("10.0.0.1", ["10.0.0.1"])]
      .map(([id, { isReserved }]) => [id, isReserved]);
  assert.deepEqual(reserved(), [
    [HOST_CLAIM, true],
    ["stable/arm64", true],
    ["gone/arm64", true],
  ]);
  const early = textRecord(images);

  const second = INSTANCE.replace("-lab", "-lab-2");
  assert.equal(images.rename("stable/arm64"), second);
  images.set(STABLE, "1");
  images.reserve([STABLE]);
  assert.deepEqual(reserved(), [
    [HOST_CLAIM, false],
    ["stable/arm64", false],
    ["gone/arm64", true],
  ]);
  assert.equal(textRecord(images).name, second);
  assert.equal(images.isOurs(early), true);

  images.release();
  assert.deepEqual(reserved(), [[HOST_CLAIM, false], ["stable/arm64", false]]);
  assert.equal(images.delete(gone), false);
});

Deno.test("PublishedImages has nothing left when all that was reserved is released", () => {
  const images = publishedImages();
  images.reserve([STABLE]);
  assert.equal(images.isEmpty, false);
  images.release();
  assert.equal(images.isEmpty, true);
  assert.deepEqual(images.claims("10.0.0.1", ["10.0.0.1"]), new Map());
});
