import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import {
  decodeDigests,
  encodeChanges,
  encodeDigests,
} from "../../lib/scan/digest_file.ts";
import type { FileContent } from "../../lib/scan/image_files.ts";
import { PIECES_ABOVE_BYTES } from "../../lib/scan/pieces.ts";

const SHA256_OF_ABC =
  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const [FIRST, SECOND, THIRD] = [
  "1:1:3:1001:2000",
  "1:2:3:1001:2000",
  "1:3:3:1001:2000",
];

function content(digit: string): FileContent {
  return {
    sha256: digit.repeat(64),
    mediaType: "application/octet-stream",
    reading: { isRefuted: false },
  };
}

function cacheText(files: object, format = 4): string {
  const check = createHash("sha256").update(JSON.stringify(files))
    .digest("hex");
  return JSON.stringify({ format, check, files });
}

const BASE = encodeDigests(
  new Map([[FIRST, content("1")], [SECOND, content("2")]]),
);
const CHANGED = BASE +
  encodeChanges([[SECOND, undefined], [THIRD, content("3")]]) +
  encodeChanges([[FIRST, content("4")]]);

Deno.test("decodeDigests() applies one change after the other to what was there at first", () => {
  const kept = decodeDigests(CHANGED);
  assert.ok(kept.ok);
  assert.deepEqual(kept.value, {
    contents: new Map([[FIRST, content("4")], [THIRD, content("3")]]),
    appendedCount: 3,
  });
});

Deno.test("decodeDigests() of a file that was cut short anywhere in the last change has all before it", () => {
  const last = CHANGED.lastIndexOf("\n");
  for (let end = last + 1; end < CHANGED.length; end++) {
    const kept = decodeDigests(CHANGED.slice(0, end));
    assert.ok(kept.ok, `cut at ${end}`);
    assert.deepEqual(kept.value, {
      contents: new Map([[FIRST, content("1")], [THIRD, content("3")]]),
      appendedCount: undefined,
    });
  }
});

Deno.test("decodeDigests() refuses what is damaged before the last change, and a first line that is cut short", () => {
  const middle = BASE.length + 30;
  const damaged = `${CHANGED.slice(0, middle)}~${CHANGED.slice(middle + 1)}`;
  assert.equal(decodeDigests(damaged).ok, false);
  for (let end = 0; end < BASE.length; end += 7) {
    assert.equal(decodeDigests(BASE.slice(0, end)).ok, false, `${end}`);
  }
});

Deno.test("decodeDigests() reads format 3, and has nothing appended to it", () => {
  const kept = decodeDigests(BASE.replace('"format":4', '"format":3'));
  assert.ok(kept.ok);
  assert.equal(kept.value.contents.size, 2);
  assert.equal(kept.value.appendedCount, undefined);
});

Deno.test("encodeDigests() and encodeChanges() keep nothing of a file whose times do not tell", () => {
  const sampled = {
    ...content("5"),
    sample: { offsetsBytes: [0], sha256: SHA256_OF_ABC },
  };
  const kept = decodeDigests(
    encodeDigests(new Map([[FIRST, sampled], [SECOND, content("2")]])) +
      encodeChanges([[SECOND, sampled]]),
  );
  assert.ok(kept.ok);
  assert.equal(kept.value.contents.size, 0);
});

for (
  const [mediaType, isOk] of [
    ["application/efi", true],
    ["application/octet-stream", true],
    ["text/html", false],
    [undefined, false],
  ] as const
) {
  Deno.test(`decodeDigests() of a file that is ${mediaType}: ${isOk}`, () => {
    const files = { "1:2:3:4:5": { sha256: SHA256_OF_ABC, mediaType } };
    assert.equal(decodeDigests(cacheText(files)).ok, isOk);
  });
}

Deno.test("decodeDigests() refuses whatever is no digest cache, and never throws", () => {
  fc.assert(fc.property(fc.json(), (text) => !decodeDigests(text).ok));
  fc.assert(fc.property(fc.string(), (text) => !decodeDigests(text).ok));
});

for (
  const [name, pieces, isOk] of [
    ["with its pieces", new Uint8Array(17 * 32).toBase64(), true],
    ["without its pieces", undefined, false],
    ["with a piece too few", new Uint8Array(16 * 32).toBase64(), false],
    ["with pieces that are no Base64", "?", false],
    ["with pieces that are no text", 7, false],
  ] as const
) {
  Deno.test(`decodeDigests() of a large file ${name}: ${isOk}`, () => {
    const mediaType = "application/octet-stream";
    const files = {
      [`1:2:${PIECES_ABOVE_BYTES + 1}:4:5`]: {
        ...{ sha256: SHA256_OF_ABC, mediaType, pieces },
      },
    };
    assert.equal(decodeDigests(cacheText(files)).ok, isOk);
  });
}
