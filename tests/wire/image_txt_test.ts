import fc from "fast-check";
import assert from "node:assert/strict";
import { isSafeName } from "../../lib/core/channel_arch.ts";
import { readImageTxt, writeImageTxt } from "../../lib/wire/image_txt.ts";
import { imageOf } from "../support/sample_images.ts";

const IMAGE = imageOf("stable/arm64");

Deno.test("readImageTxt() reads what writeImageTxt() wrote", () => {
  const name = fc.string({
    unit: fc.constantFrom(..."az09._-"),
    minLength: 1,
    maxLength: 32,
  }).filter(isSafeName);
  const printable = fc.string({
    unit: fc.constantFrom(..."aé=:/ .主"),
    maxLength: 50,
  });
  fc.assert(fc.property(
    fc.tuple(name, fc.constantFrom("arm64", "x86_64"), printable, printable),
    ([channel, arch, version, manifestUrl]) => {
      const said = {
        image: { channel, arch },
        version,
        manifestUrl,
        p2pAddress: undefined,
      };
      const txt = writeImageTxt(said);
      assert.ok(txt.ok);
      assert.deepEqual(readImageTxt(txt.value), { ok: true, value: said });
    },
  ));
});

Deno.test("writeImageTxt() cuts a version that is too long, between characters, and leaves out a long p2p address", () => {
  const txt = writeImageTxt({
    image: IMAGE,
    version: "é".repeat(200),
    manifestUrl: "http://h/",
    p2pAddress: `/dns/${"x".repeat(250)}/p2p/y`,
  });
  assert.ok(txt.ok);
  assert.deepEqual(txt.value.map((bytes) => new TextDecoder().decode(bytes)), [
    "txtvers=1",
    "channel=stable",
    "arch=arm64",
    "manifest=http://h/",
    `version=${"é".repeat(123)}`,
  ]);
});

Deno.test("writeImageTxt() refuses an attribute over 255 bytes", () => {
  const manifestUrl = `http://${"x".repeat(240)}/`;
  const txt = writeImageTxt({ image: IMAGE, version: "1", manifestUrl });
  assert.deepEqual(txt, {
    ok: false,
    reason: 'TXT attribute "manifest" is 257 bytes long, over 255',
  });
});

Deno.test("readImageTxt() refuses a record that does not say which image it is", () => {
  for (const text of ["channel=stable", "arch=arm64", "channel=../x", ""]) {
    assert.deepEqual(readImageTxt([new TextEncoder().encode(text)]), {
      ok: false,
      reason: "TXT record without channel and arch",
    });
  }
});
