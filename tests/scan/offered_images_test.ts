import assert from "node:assert/strict";
import { OfferedImages } from "../../lib/scan/offered_images.ts";
import { hashedImage } from "../support/hashed_image.ts";

const OLD = hashedImage({ version: "old" });
const NEW = hashedImage({ version: "new" });
const NAME = "stable/arm64";

/** One image, which is offered. */
function offered(): OfferedImages {
  const images = new OfferedImages();
  images.take({ gone: [], come: [OLD] }, 0);
  images.set(NAME, OLD);
  return images;
}

Deno.test("OfferedImages offers an image a quarter of a second longer than it is there", () => {
  const images = offered();
  assert.equal(images.nextGoneMs, Infinity);
  images.take({ gone: [OLD], come: [] }, 1000);
  assert.equal(images.isPresent(NAME), false);
  assert.equal(images.nextGoneMs, 1250);
  assert.deepEqual(images.takeGone(1249), [OLD]);
  assert.deepEqual([...images.values()], [OLD]);
  assert.deepEqual(images.takeGone(1250), []);
  assert.equal(images.get(NAME), undefined);
  assert.equal(images.nextGoneMs, Infinity);
});

Deno.test("OfferedImages goes on with an image in whose place another comes, at once or in time", () => {
  const atOnce = offered();
  atOnce.take({ gone: [OLD], come: [NEW] }, 1000);
  assert.deepEqual(atOnce.takeGone(5000), []);
  assert.equal(atOnce.get(NAME), OLD);

  const inTime = offered();
  inTime.take({ gone: [OLD], come: [] }, 1000);
  inTime.take({ gone: [], come: [NEW] }, 1100);
  assert.deepEqual(inTime.takeGone(5000), []);
  assert.equal(inTime.get(NAME), OLD);
  assert.ok(inTime.isPresent(NAME));
});

Deno.test("OfferedImages does not wait for what was not offered", () => {
  const images = offered();
  images.set(NAME, undefined);
  images.take({ gone: [OLD], come: [] }, 1000);
  assert.equal(images.nextGoneMs, Infinity);
  assert.deepEqual(images.takeGone(1000), []);
});
